#include <fmt/format.h>

#include "config/value.hpp"
#include "daemon/command_definitions.hpp"

namespace oiab::daemon {
namespace {

void define_rotate(CLI::App& keyring, Invocation& invocation) {
    struct Text {
        bool prepare = false, promote = false, retire = false;
    };
    auto text = std::make_shared<Text>();
    auto* rotate = add_command(
        keyring, "rotate", "Add a new key, encrypt everything under it; daemons go on meanwhile",
        "The new key becomes the file's first line, which encrypts; the others still decrypt until --retire\n"
        "drops them. A daemon that uses the same file reads it again by itself.\n\n"
        "Several hosts, each with a copy of the file:\n"
        "  oiabd keyring rotate --prepare     a new key that nothing is encrypted with yet; copy the file to all "
        "hosts\n"
        "  oiabd keyring rotate --promote     encrypt everything under it; copy the file again\n"
        "  oiabd keyring rotate --retire      drop the old key; copy the file a last time");
    auto* prepare = rotate->add_flag("--prepare", text->prepare, "Only add the key, as the last line");
    rotate->add_flag("--promote", text->promote, "Add none: the prepared key becomes the first")->excludes(prepare);
    rotate
        ->add_flag("--retire", text->retire,
                   "Drop the other keys once nothing is encrypted by them; adds no key where there are several")
        ->excludes(prepare);
    rotate->callback([text, &invocation] {
        const auto rotation = text->prepare   ? Rotation::kPrepare
                              : text->promote ? Rotation::kPromote
                                              : Rotation::kNewKey;
        invocation.command = KeyringCommand{KeyringVerb::kRotate, rotation, text->retire};
    });
}

}  // namespace

void define_keyring(CLI::App& app, Invocation& invocation) {
    auto* keyring = add_command(app, "keyring", "Make and change the keys that encrypt stored secrets");
    keyring->require_subcommand(1);
    add_command(*keyring, "init", "Make a keyring with one key; refuses where there is one")->callback([&invocation] {
        invocation.command = KeyringCommand{.verb = KeyringVerb::kInit};
    });
    define_rotate(*keyring, invocation);
    add_command(*keyring, "status", "Say which keys there are, and how much each of them encrypts")
        ->callback([&invocation] { invocation.command = KeyringCommand{.verb = KeyringVerb::kStatus}; });
}

}  // namespace oiab::daemon

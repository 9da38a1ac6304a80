#pragma once
/// @file  Takes the vectors out of the text of an answer before a JSON parser sees it: a parser that knows nothing of
/// what comes copies each number and asks the locale about it, three times the work. Private to this layer. Pure; any
/// thread.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::clients {

struct NumberArray {
    std::vector<float> values;  ///< at most as many as were asked for
    std::size_t length = 0;     ///< of all
};

struct WithoutArrays {
    /// The same JSON (what was none still is none), in which the string "#0" stands for the first array, and so on.
    std::string rest;
    std::vector<NumberArray> arrays;
};

/// Takes out arrays that are the value of a key "embedding" and hold numbers alone, at least one, each of which a float
/// can hold; all others stay where they are.
/// @param most_arrays   how many are taken out at most
/// @param most_numbers  how many numbers of each are kept
[[nodiscard]] WithoutArrays take_embedding_arrays(std::string_view body, std::size_t most_arrays,
                                                  std::size_t most_numbers);

}  // namespace oiab::clients

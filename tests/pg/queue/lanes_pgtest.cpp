/// @file  Serial lanes: one at a time, in order, whatever ends the head and whenever the others were inserted.

#include <algorithm>

#include "queue/operations.hpp"
#include "queue/pauses.hpp"
#include "queue/rescue.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using Ids = std::vector<core::JobId>;

namespace {
struct Lanes : QueueFixture {
    core::JobId in_lane(std::string_view columns = "", std::string_view values = "") {
        return insert("serial_key" + (columns.empty() ? "" : ", " + std::string{columns}),
                      "'lane'" + (values.empty() ? "" : ", " + std::string{values}));
    }
    int advance(const std::string& lane = "lane") { return queue::advance_lanes(session, {&lane, 1}); }
    /// What a claim takes after the lane was advanced.
    Ids next() {
        advance();
        return ids_of(claim());
    }
    core::Job job_of(core::JobId id) {
        core::Job job;
        job.id = id;
        job.lease_epoch.value = std::stoll(field(id, "lease_epoch"));
        job.serial_key = "lane";
        return job;
    }
};
}  // namespace

TEST_CASE_METHOD(Lanes, "lanes: an insert is not ready until the lane is advanced; then one at a time, in order") {
    const auto a = in_lane("priority", "9"), b = in_lane("priority", "0"), c = in_lane();
    const auto free = insert();
    CHECK(ids_of(claim()) == Ids{free});
    CHECK(next() == Ids{a});
    CHECK(next().empty());
    const auto settled = settle(job_of(a), core::completed());
    CHECK(settled.serial_key == "lane");
    CHECK(next() == Ids{b});
    CHECK(settle(job_of(b), core::failed(core::FailureReason::kError, "x")).serial_key == "lane");
    CHECK(next() == Ids{c});
}

TEST_CASE_METHOD(Lanes, "lanes: an insert that is still open while the head settles does not leave the lane stuck") {
    const auto head = in_lane();
    REQUIRE(next() == Ids{head});
    pqxx::connection other{database.url()};
    pqxx::work producer{other};
    const auto late = *core::JobId::parse(std::string{
        producer.exec("INSERT INTO jobs (kind, serial_key) VALUES ('noop', 'lane') RETURNING id")[0][0].view()});
    settle(job_of(head), core::completed());
    CHECK(advance() == 0);
    producer.commit();
    CHECK(ids_of(claim()).empty());
    CHECK(next() == Ids{late});
}

TEST_CASE_METHOD(Lanes, "lanes: an open settle holds the lane, and its commit lets the next one run") {
    const auto head = in_lane(), second = in_lane();
    REQUIRE(next() == Ids{head});
    pqxx::connection other{database.url()};
    pqxx::work settling{other};
    settling.exec("UPDATE jobs SET status = 'completed', finished_at = now(), lease_until = NULL WHERE id = '" +
                  head.to_string() + "'");
    CHECK(advance() == 0);
    settling.commit();
    CHECK(next() == Ids{second});
}

TEST_CASE_METHOD(Lanes, "lanes: two that advance the same lane at once make one row ready") {
    const auto head = in_lane();
    in_lane();
    pqxx::connection other{database.url()};
    pqxx::work first{other};
    CHECK(first.exec("SELECT advance_lane('lane')")[0][0].as<bool>());
    pg::Session second{[&] {
        auto s = database.settings();
        s.lock_timeout = 100ms;
        return s;
    }()};
    const std::string lane = "lane";
    CHECK_THROWS(queue::advance_lanes(second, {&lane, 1}));
    first.commit();
    CHECK(queue::advance_lanes(second, {&lane, 1}) == 0);
    CHECK(ids_of(claim()) == Ids{head});
}

TEST_CASE_METHOD(Lanes, "lanes: a head that sleeps after an attempt holds its lane") {
    const auto head = in_lane(), second = in_lane();
    REQUIRE(next() == Ids{head});
    settle(job_of(head), core::retry("x", 1h));
    CHECK(next().empty());
    CHECK(field(second, "lane_ready") == "f");
    update(head, "run_at = now()");
    CHECK(next() == Ids{head});
    settle(job_of(head), core::snoozed(1h));
    CHECK(field(head, "attempts || ' ' || lane_ready") == "1 true");
    CHECK(next().empty());
}

TEST_CASE_METHOD(Lanes,
                 "lanes: a row enqueued for the future stands aside, and starts on time when nobody else is there") {
    const auto future = in_lane("run_at", "now() + interval '1 h'");
    advance();
    CHECK(field(future, "lane_ready") == "t");
    CHECK(ids_of(claim()).empty());
    const auto due = in_lane();
    CHECK(next() == Ids{due});
    CHECK(field(future, "lane_ready") == "f");
    settle(job_of(due), core::completed());
    advance();
    CHECK(field(future, "lane_ready") == "t");
    update(future, "run_at = now()");
    CHECK(ids_of(claim()) == Ids{future});
}

TEST_CASE_METHOD(Lanes, "lanes: of several future rows the one that is due first is made ready") {
    in_lane("run_at", "now() + interval '2 h'");
    const auto sooner = in_lane("run_at", "now() + interval '1 h'");
    advance();
    CHECK(field(sooner, "lane_ready") == "t");
    CHECK(database.value("SELECT count(*) FROM jobs WHERE lane_ready") == "1");
}

TEST_CASE_METHOD(Lanes, "lanes: cancel, delete, another worker's finish and a failed rescue all let the next one run") {
    const auto head = in_lane("max_attempts", "1"), second = in_lane();
    REQUIRE(next() == Ids{head});
    SECTION("cancel of the head before it runs") {
        settle(job_of(head), core::Released{});
        const auto cancelled =
            pg::autocommit(session, [&](pg::Transaction& tx) { return queue::cancel_job(tx, head); });
        CHECK(cancelled.serial_key == "lane");
    }
    SECTION("delete") { database.execute("DELETE FROM jobs WHERE id = '" + head.to_string() + "'"); }
    SECTION("another worker's finish") { update(head, "status = 'completed'"); }
    SECTION("rescue that fails it") {
        lapse(head);
        CHECK(queue::rescue(session, {}, {}).rescued.at(0).serial_key == "lane");
    }
    SECTION("atomic completion") {
        CHECK(pg::in_transaction(
            session, [&](pg::Transaction& tx) { return queue::complete_in(tx, {worker, job_of(head).key()}, ""); }));
    }
    CHECK(next() == Ids{second});
}

namespace {

using Heard = std::vector<std::string>;

/// Who listens to the lanes.
class LaneListener {
public:
    explicit LaneListener(const std::string& url) : connection_{url} {
        connection_.listen("oiab_lanes", [this](pqxx::notification n) { heard_.emplace_back(n.payload); });
    }
    /// What was committed since the last call.
    Heard hear() {
        heard_.clear();
        pqxx::nontransaction{connection_}.exec("SELECT 1");
        connection_.get_notifs();
        return heard_;
    }

private:
    pqxx::connection connection_;
    Heard heard_;
};

}  // namespace

TEST_CASE_METHOD(Lanes, "lanes: inserts and ends of keyed rows are notified with the lane") {
    LaneListener listener{database.url()};
    const auto head = in_lane(), second = in_lane();
    CHECK(listener.hear() == Heard{"lane", "lane"});
    REQUIRE(next() == Ids{head});
    CHECK(listener.hear().empty());
    settle(job_of(head), core::completed());
    CHECK(listener.hear() == Heard{"lane"});
    database.execute("DELETE FROM jobs WHERE id = '" + second.to_string() + "'");
    CHECK(listener.hear() == Heard{"lane"});
    database.execute("DELETE FROM jobs");
    CHECK(listener.hear().empty());
}

TEST_CASE_METHOD(Lanes, "lanes: a session that advances lanes itself tells nobody of an end for which nobody waits") {
    LaneListener listener{database.url()};
    const auto head = in_lane(), second = in_lane();
    REQUIRE(next() == Ids{head});
    CHECK(listener.hear() == Heard{"lane", "lane"});
    pqxx::nontransaction{session.connection()}.exec("SET oiabd.advances_lanes = on");
    settle(job_of(head), core::completed());
    CHECK(listener.hear() == Heard{"lane"});
    REQUIRE(next() == Ids{second});
    settle(job_of(second), core::completed());
    CHECK(listener.hear().empty());
}

TEST_CASE_METHOD(Lanes, "lanes: of many that are advanced at once each gets what it would alone") {
    const auto row = [&](const std::string& lane, const std::string& run_at = "now()") {
        return insert("serial_key, run_at", "'" + lane + "', " + run_at);
    };
    const auto plain = row("plain"), after_plain = row("plain");
    const auto held = row("held"), waits = row("held");
    const auto parked = row("parked", "now() + interval '1 h'"), overtakes = row("parked"),
               ahead = row("later", "now() + interval '1 h'");
    const std::string tenant = "00000000-0000-7000-8000-0000000000aa";
    const auto paused = insert("serial_key, tenant_id", "'paused', '" + tenant + "'");
    database.execute("INSERT INTO job_pauses (scope, name) VALUES ('tenant', '" + tenant + "')");
    update(held, "lane_ready = true");
    update(parked, "lane_ready = true");
    const std::vector<std::string> lanes{"plain", "held", "parked", "plain", "later", "paused", "empty"};
    CHECK(queue::advance_lanes(session, lanes) == 3);
    const auto ready = [&](core::JobId id) { return field(id, "lane_ready") == "t"; };
    CHECK((ready(plain) && !ready(after_plain)));
    CHECK((ready(held) && !ready(waits)));
    CHECK((!ready(parked) && ready(overtakes)));
    CHECK(ready(ahead));
    CHECK_FALSE(ready(paused));
    CHECK(queue::advance_lanes(session, lanes) == 0);
}

TEST_CASE_METHOD(Lanes, "lanes: the sweep finds idle lanes page by page and leaves held ones alone") {
    for (int i = 10; i < 35; ++i) {
        insert("serial_key", "'lane " + std::to_string(i) + "'");
        insert("serial_key", "'lane " + std::to_string(i) + "'");
    }
    const std::vector<std::string> held{"lane 12", "lane 20"};
    CHECK(queue::advance_lanes(session, held) == 2);
    int advanced = 0, pages = 0;
    std::string after;
    do {
        const auto sweep = queue::sweep_lanes(session, after, 10);
        advanced += sweep.advanced;
        after = sweep.next;
        ++pages;
    } while (!after.empty());
    CHECK(advanced == 23);
    CHECK(pages == 3);
    CHECK(claim(100).size() == 25);
    CHECK(queue::sweep_lanes(session, "").advanced == 0);
}

TEST_CASE_METHOD(Lanes, "lanes: agent turns of one session share a lane, others have their own") {
    const auto turn = [&](const char* payload) { return insert("payload", payload, "agent-turn"); };
    const auto a1 = turn(R"('{"sessionId": "a"}')"), a2 = turn(R"('{"session_id": "a"}')"),
               b1 = turn(R"('{"sessionId": "b"}')");
    const auto none = turn(R"('{"text": "no session"}')"), odd = turn(R"('[1]')");
    CHECK(field(a1, "serial_key") == "session:a");
    CHECK(field(a2, "serial_key") == "session:a");
    CHECK(field(none, "concat(serial_key, lane_ready)") == "t");
    CHECK(field(odd, "concat(serial_key, lane_ready)") == "t");
    (void)queue::sweep_lanes(session, "");
    auto got = ids_of(claim(10, {"agent-turn"}));
    std::ranges::sort(got);
    Ids expected{a1, b1, none, odd};
    std::ranges::sort(expected);
    CHECK(got == expected);
    const auto longest = turn(("'{\"sessionId\": \"" + std::string(4'000, 's') + "\"}'").c_str());
    CHECK(field(longest, "char_length(serial_key)") == "40");
}

TEST_CASE_METHOD(Lanes, "lanes: an operator's retry queues up again at its old place") {
    const auto head = in_lane(), second = in_lane(), third = in_lane();
    REQUIRE(next() == Ids{head});
    settle(job_of(head), core::failed(core::FailureReason::kError, "x"));
    REQUIRE(next() == Ids{second});
    const auto retried = queue::retry_job(session, head);
    CHECK(retried.answer == queue::RetryAnswer::kPending);
    CHECK(retried.serial_key == "lane");
    CHECK(next().empty());
    settle(job_of(second), core::completed());
    CHECK(next() == Ids{head});
    settle(job_of(head), core::completed());
    CHECK(next() == Ids{third});
}

TEST_CASE_METHOD(Lanes, "lanes: a worker that knows no lanes and takes a waiting row holds the lane while it runs") {
    const auto head = in_lane(), second = in_lane();
    update(second, "status = 'running', locked_by = 'old worker', attempts = 1");
    CHECK(advance() == 0);
    CHECK(ids_of(claim()).empty());
    update(second, "status = 'completed'");
    CHECK(next() == Ids{head});
}

TEST_CASE_METHOD(Lanes, "lanes: whether any waits is known without a sweep") {
    CHECK_FALSE(queue::any_lane_waits(session));
    (void)insert();
    CHECK_FALSE(queue::any_lane_waits(session));
    (void)in_lane();
    CHECK(queue::any_lane_waits(session));
    CHECK(advance() == 1);
    CHECK_FALSE(queue::any_lane_waits(session));
    (void)in_lane();
    CHECK(queue::any_lane_waits(session));
}

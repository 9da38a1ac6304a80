#pragma once
/// @file  The plans that the server really ran for what a session did, those inside of functions included, and what is
/// wrong with them. One thread each.

#include <fmt/format.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "pg/session.hpp"
#include "queue/steady_plans.hpp"

namespace oiab::tests {

/// What one statement may do, whatever else is in the table.
struct PlanBounds {
    long pages;    ///< buffers touched
    long entries;  ///< rows that its scans of `jobs` looked at
    long sorted;   ///< rows that its largest sort took in
};

struct PlanCost {
    long pages = 0;
    long entries = 0;
    long sorted = 0;
    std::vector<std::string> walks;  ///< scans of a table of the queue that no condition on an index bounds
};

/// One statement as the server ran it.
struct ObservedPlan {
    nlohmann::json document;

    [[nodiscard]] PlanCost cost() const {
        PlanCost cost;
        const auto& top = document.at("Plan");
        cost.pages = number(top, "Shared Hit Blocks") + number(top, "Shared Read Blocks");
        add(top, false, cost);
        return cost;
    }
    /// Bytes that the statement wrote into the log, whole pages included.
    [[nodiscard]] long wal_bytes() const { return number(document.at("Plan"), "WAL Bytes"); }
    /// Pages that it wrote there whole, because it was the first to change them after a checkpoint.
    [[nodiscard]] long whole_pages() const { return number(document.at("Plan"), "WAL FPI"); }
    /// One line for each broken promise.
    [[nodiscard]] std::vector<std::string> complaints(const PlanBounds& bounds) const {
        const auto found = cost();
        auto wrong = found.walks;
        const auto compare = [&](const char* what, long is, long may) {
            if (is > may) wrong.push_back(fmt::format("{} {}, may be {}", is, what, may));
        };
        compare("pages", found.pages, bounds.pages);
        compare("entries of jobs looked at", found.entries, bounds.entries);
        compare("rows sorted", found.sorted, bounds.sorted);
        return wrong;
    }

private:
    static long number(const nlohmann::json& node, const char* name) { return node.value(name, 0L); }

    /// A Limit above bounds a walk in the index's order: what it looked at is counted all the same.
    static void add(const nlohmann::json& node, bool limited, PlanCost& cost) {
        const auto type = node.at("Node Type").get<std::string>();
        const auto relation = node.value("Relation Name", "");
        const long loops = number(node, "Actual Loops");
        if ((relation == "jobs" || relation == "job_steps") && type.ends_with("Scan")) {
            cost.entries += loops * (number(node, "Actual Rows") + number(node, "Rows Removed by Filter") +
                                     number(node, "Rows Removed by Index Recheck"));
            const bool by_place = type == "Tid Scan";
            const bool by_index = type.starts_with("Index") && (node.contains("Index Cond") || limited);
            const bool by_bitmap = type.starts_with("Bitmap") && node.at("Plans").at(0).contains("Index Cond");
            if (!by_place && !by_index && !by_bitmap)
                cost.walks.push_back(fmt::format("{} on {} {}", type, relation, node.value("Index Name", "")));
        }
        if (type == "Sort" || type == "Incremental Sort") {
            for (const auto& below : node.at("Plans"))
                cost.sorted = std::max(cost.sorted, number(below, "Actual Loops") * number(below, "Actual Rows"));
        }
        if (!node.contains("Plans")) return;
        for (const auto& below : node.at("Plans")) {
            const bool passes = type == "Limit" || (limited && (type == "LockRows" || type == "Subquery Scan"));
            add(below, passes, cost);
        }
    }
};

/// A session as the engine's services have it, whose statements are explained while they run.
class ObservedSession {
public:
    explicit ObservedSession(pg::SessionSettings settings) : session_{engine_like(std::move(settings))} {
        session_.connect();
        pqxx::nontransaction{session_.connection()}.exec(
            "LOAD 'auto_explain'; SET auto_explain.log_analyze = on; SET auto_explain.log_buffers = on;"
            "SET auto_explain.log_wal = on;"
            "SET auto_explain.log_timing = off; SET auto_explain.log_nested_statements = on;"
            "SET auto_explain.log_format = json; SET auto_explain.log_level = notice");
        session_.connection().set_notice_handler([this](pqxx::zview text) noexcept { notices_.emplace_back(text); });
    }

    [[nodiscard]] pg::Session& session() { return plans_.on(session_); }

    /// What ran while `body` did, the statements inside of functions before those that called them.
    [[nodiscard]] std::vector<ObservedPlan> during(const std::function<void(pg::Session&)>& body) {
        auto& session = this->session();
        pqxx::nontransaction{session.connection()}.exec("SET auto_explain.log_min_duration = 0");
        notices_.clear();
        body(session);
        auto notices = std::move(notices_);
        pqxx::nontransaction{session.connection()}.exec("SET auto_explain.log_min_duration = -1");
        std::vector<ObservedPlan> plans;
        for (const auto& text : notices) {
            const auto begin = text.find("plan:\n{");
            if (begin != std::string::npos)
                plans.push_back({nlohmann::json::parse(text.substr(text.find('{', begin)))});
        }
        return plans;
    }

private:
    /// What Engine::session_for adds.
    static pg::SessionSettings engine_like(pg::SessionSettings settings) {
        settings.parameters.emplace("oiabd.advances_lanes", "on");
        settings.parameters.emplace("enable_seqscan", "off");
        return settings;
    }

    pg::Session session_;
    queue::SteadyPlans plans_;
    std::vector<std::string> notices_;
};

}  // namespace oiab::tests

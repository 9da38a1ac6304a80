"""What the benchmark's figures are made of: medians and ranges, ratios, targets, and that one failure costs nothing else."""

import base64
import json
import sys
import tempfile
import types
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
sys.dont_write_bytecode = True

from harness import chart, command, drain, peers, report, snapshot, targets  # noqa: E402  (the path comes first)
from harness.contenders import Failure  # noqa: E402


class FakeBench:
    def __init__(self):
        self.failures = []

    def say(self, line):
        pass

    def failed(self, error):
        self.failures.append(str(error))


def contender(name):
    return types.SimpleNamespace(name=name)


class Figures(unittest.TestCase):
    def test_a_percentile_is_the_nearest_rank(self):
        self.assertEqual(report.percentile(range(1, 101), 99), 99)
        self.assertEqual(report.percentile([7], 50), 7)
        self.assertEqual(report.percentile([3, 1, 2], 50), 2)

    def test_ratios_are_those_of_one_round(self):
        """A machine that slows down to half between the rounds changes no ratio."""
        rounds = {"LIMIT": [{"jobs_per_second": 100}, {"jobs_per_second": 50}],
                  "oiabd": [{"jobs_per_second": 150}, {"jobs_per_second": 80}]}
        figures = drain.compared(rounds)["oiabd"]
        self.assertAlmostEqual(figures["ratio"], 1.55)
        self.assertEqual((figures["ratio_lowest"], figures["ratio_highest"]), (1.5, 1.6))


class Rounds(unittest.TestCase):
    def test_the_warm_up_is_not_counted_and_everyone_begins_once(self):
        seen = []

        def one(who):
            seen.append(who.name)
            return {"jobs_per_second": len(seen)}

        results = drain.interleaved(FakeBench(), [contender("LIMIT"), contender("oiabd")], 2, one)
        self.assertEqual(seen, ["LIMIT", "oiabd", "oiabd", "LIMIT", "LIMIT", "oiabd"])
        self.assertEqual([len(rounds) for rounds in results.values()], [2, 2])

    def test_a_peer_that_fails_is_left_out_and_the_others_are_measured(self):
        bench = FakeBench()

        def one(who):
            if who.name == "peer":
                raise Failure("peer: it fell over")
            return {"jobs_per_second": 1}

        results = drain.interleaved(bench, [contender("LIMIT"), contender("peer"), contender("oiabd")], 1, one)
        self.assertEqual(set(results), {"LIMIT", "oiabd"})
        self.assertEqual(bench.failures, ["peer: it fell over"])

    def test_without_the_base_there_is_no_ratio(self):
        def one(_):
            raise Failure("down")

        with self.assertRaises(Failure):
            drain.interleaved(FakeBench(), [contender("LIMIT"), contender("oiabd")], 1, one)


class Table:
    """Answers each question with the figure that goes by its text."""

    def __init__(self, **figures):
        self.figures = figures

    def value(self, question):
        return str(self.figures[question])


class ExactlyOnce(unittest.TestCase):
    queue = {"rows": "rows", "finished_once": "finished"}
    once = 'serving\n{"ran":5,"distinct":5}\n'

    def check(self, log, keeps=False, **figures):
        peers.check_once(peers.Peer("peer", "schema", (), "", keeps=keeps), self.queue, Table(**figures), 5, log)

    def test_a_log_that_counts_each_job_once_is_believed(self):
        self.check(self.once, rows=0)
        self.check(self.once, keeps=True, rows=5, finished=5)

    def test_a_job_run_twice_a_job_lost_or_silence_is_a_failure(self):
        for log in ('{"ran":6,"distinct":5}', '{"ran":5,"distinct":4}', '{"ran":4,"distinct":4}', "serving"):
            with self.assertRaises(Failure, msg=log):
                self.check(log, rows=0)

    def test_a_table_that_disagrees_is_a_failure(self):
        with self.assertRaises(Failure):
            self.check(self.once, rows=1)
        with self.assertRaises(Failure):
            self.check(self.once, keeps=True, rows=5, finished=4)


    def test_what_was_not_done_is_still_there(self):
        peer = peers.Peer("peer", "schema", (), "", keeps=False)
        peers.check_once(peer, self.queue, Table(rows=2), 5, self.once, left=2)
        with self.assertRaises(Failure):
            peers.check_once(peer, self.queue, Table(rows=1), 5, self.once, left=2)

    def test_a_job_that_two_processes_saw_is_a_failure(self):
        def end(*numbers):
            bits = sum(1 << number for number in numbers).to_bytes(1, "little")
            return json.dumps({"ran": len(numbers), "distinct": len(numbers), "numbers": base64.b64encode(bits).decode()}) + "\n"

        peer = peers.Peer("peer", "schema", (), "", keeps=False)
        peers.check_once(peer, self.queue, Table(rows=0), 5, end(1, 3, 5) + end(2, 4), processes=2)
        for log in (end(1, 3, 5) + end(2, 3), end(1, 2, 3, 4, 5)):
            with self.assertRaises(Failure, msg=log):
                peers.check_once(peer, self.queue, Table(rows=0), 5, log, processes=2)


class Snapshot(unittest.TestCase):
    def test_tenths_are_those_of_what_was_done(self):
        """Ended after half of a hundred marks, and twice as slow from the middle of that on."""
        marks = [(1, 0.0)] + [(n * 10, n * 0.1 if n <= 25 else 2.5 + (n - 25) * 0.2) for n in range(1, 51)]
        tenths = snapshot.tenths_of(marks)
        self.assertEqual(len(tenths), 10)
        self.assertAlmostEqual(tenths[1], 100)
        self.assertAlmostEqual(tenths[-1], 50)

    def test_too_little_to_tell_is_a_failure(self):
        with self.assertRaises(Failure):
            snapshot.tenths_of([(1, 0.0), (10, 1.0)])


    def test_of_several_rounds_the_medians_count(self):
        """The machine slows down in the middle of one of three drains."""
        def one(last_tenth, last):
            return {"batched": {"jobs_per_second": 90}, "tenths": [100] * 9 + [last_tenth],
                    "first": {"jobs_per_second": 10}, "last": {"jobs_per_second": last}}
        figures = snapshot.own_medians([one(95, 9), one(50, 5), one(97, 11)], 1000, 10)
        self.assertAlmostEqual(figures["batched"]["last_to_first"], 0.95)
        self.assertAlmostEqual(figures["batched"]["last_to_first_lowest"], 0.5)
        self.assertEqual(figures["batched"]["tenths"][-1], 95)
        self.assertAlmostEqual(figures["one_slot"]["last_to_first"], 0.9)
        self.assertAlmostEqual(figures["one_slot"]["last_to_first_highest"], 1.1)


class Targets(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, content):
        (Path(self.folder.name) / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    def rows(self):
        return {(target.row, target.what): (target, value) for target, value, *_ in targets.read(self.folder.name)}

    def test_a_figure_is_met_on_its_own_side_of_the_goal(self):
        self.write("drain", {"contenders": {"oiabd": {"ratio": 1.31, "worker_cpu_us": 3.1}}})
        rows = self.rows()
        ratio, value = rows["1", "drain, rows kept"]
        self.assertTrue(ratio.met(value))
        cpu, value = rows["9", "worker CPU a job"]
        self.assertFalse(cpu.met(value))

    def test_the_worst_number_of_slots_counts(self):
        self.write("slots", {"slots": {"4": {"share": 0.97}, "256": {"share": 0.6}}})
        self.assertEqual(self.rows()["4", "handlers of 1 ms, the worst of 4 to 256 slots"][1], 0.6)

    def test_what_no_file_tells_is_not_measured(self):
        self.write("snapshot", {"last_to_first": 1.0})  # of an older harness
        self.assertTrue(all(value is None for _, value in self.rows().values()))
        self.assertNotIn("met", targets.table(self.folder.name))

    def test_every_row_of_the_targets_names_a_scenario(self):
        self.assertEqual({target.row for target in targets.TARGETS}, {str(row) for row in range(1, 16)})
        self.assertLessEqual({target.scenario for target in targets.TARGETS}, set(command.SCENARIOS))


class Charts(unittest.TestCase):
    def test_a_whisker_spans_the_rounds_and_stays_inside(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bars.svg"
            chart.bars(path, "a < b", [chart.Bar("LIMIT", 1, 1, 1), chart.Bar("oiabd", 1.5, 1.2, 2)], "×")
            svg = path.read_text(encoding="utf-8")
        self.assertIn("a &lt; b", svg)
        self.assertIn("M456.0 78H620.0", svg)  # 0.6 and all of the 410 that are there for the highest


class Command(unittest.TestCase):
    def test_a_scenario_that_fails_does_not_stop_those_behind_it(self):
        ran = []

        class Connection:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def query(self, _):
                return []

        def broken(_):
            raise SystemExit("broken")

        bench = FakeBench()
        bench.server = types.SimpleNamespace(connect=Connection)
        scenarios = {"first": types.SimpleNamespace(WHAT="", run=broken),
                     "second": types.SimpleNamespace(WHAT="", run=lambda _: ran.append("second"))}
        former, command.SCENARIOS = command.SCENARIOS, scenarios
        try:
            command.measure(bench, list(scenarios))
        finally:
            command.SCENARIOS = former
        self.assertEqual((ran, bench.failures), (["second"], ["first: broken"]))


if __name__ == "__main__":
    unittest.main()

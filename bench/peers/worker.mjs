// A peer at work on no-op jobs, each of which carries a number of its own. Counts how often each ran: a job queue that loses or
// repeats work is not fast. SIGTERM ends it, after a line of what was done.
//
// usage: DATABASE_URL=… node worker.mjs graphile|graphile-10|graphile-tuned|pg-boss
//        DATABASE_URL=… node worker.mjs graphile-stamps (default settings; each job tells bench.stamps when it was started)
//        DATABASE_URL=… node worker.mjs prepare        (lays both schemas, adds nothing to do)
import { Logger, run } from "graphile-worker";
import { PgBoss } from "pg-boss";

const connectionString = process.env.DATABASE_URL;
const mode = process.argv[2];
const seen = new Uint8Array(1 << 24);
let ran = 0;
let distinct = 0;

function done(job) {
  ran += 1;
  if (++seen[job.number] === 1) distinct += 1;
}

// A line a job on the console is not what is measured.
const logger = new Logger(() => (level, message) => {
  if (level === "error") console.error(message);
});
const settings = {
  "graphile": {},
  "graphile-10": { concurrentJobs: 10, maxPoolSize: 12 },
  "graphile-tuned": { concurrentJobs: 24, maxPoolSize: 25, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
};

async function graphile(worker) {
  const runner = await run({
    connectionString, noHandleSignals: true, logger, taskList: { noop: async (payload) => done(payload) }, preset: { worker },
  });
  return () => runner.stop();
}

// The wall clock in microseconds: that of the machine, as the producer reads it.
function microseconds() {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

async function graphileStamps() {
  const noop = async (payload, { job, query }) => {
    const startedAt = microseconds();
    await query("INSERT INTO bench.stamps (id, started_at) VALUES ($1, $2)", [job.id, startedAt]);
    done(payload);
  };
  const runner = await run({ connectionString, noHandleSignals: true, logger, taskList: { noop } });
  return () => runner.stop();
}

async function makeBoss() {
  const boss = new PgBoss({ connectionString, max: 6 });
  boss.on("error", (error) => console.error(error.message));
  await boss.start();
  await boss.createQueue("noop");
  return boss;
}

async function pgBoss() {
  const boss = await makeBoss();
  const options = { batchSize: 1000, localConcurrency: 3, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true };
  await boss.work("noop", options, async (jobs) => {
    for (const job of jobs) done(job.data);
  });
  return () => boss.stop({ graceful: true });
}

async function prepare() {
  await (await graphile({}))();
  await (await makeBoss()).stop({ graceful: true });
}

if (mode === "prepare") {
  await prepare();
  process.exit(0);
}
const ways = { "pg-boss": pgBoss, "graphile-stamps": graphileStamps };
const stop = await (ways[mode] ?? (() => graphile(settings[mode])))();
process.on("SIGTERM", async () => {
  await stop();
  console.log(JSON.stringify({ ran, distinct }));
  process.exit(0);
});
console.log("serving");

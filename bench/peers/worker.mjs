// A peer at work on no-op jobs, each of which carries a number of its own. Counts how often each ran: a job queue that loses or
// repeats work is not fast. SIGTERM ends it, after a line of what was done.
//
// usage: DATABASE_URL=… node worker.mjs graphile|graphile-10|graphile-tuned
//        DATABASE_URL=… node worker.mjs pg-boss|pg-boss-deletes|pg-boss-one
//        DATABASE_URL=… node worker.mjs prepare        (lays both schemas, adds nothing to do)
// SLOTS=n: so many handlers at once. STAMPS=1: each job tells bench.stamps when it was started. MARKS=n: a line every n jobs, and one
// at the first, says when. NUMBERS=1: the last line has the numbers of the jobs that were seen, a bit each, in base64.
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { PgBoss } from "pg-boss";

const connectionString = process.env.DATABASE_URL;
const mode = process.argv[2];
const slots = Number(process.env.SLOTS ?? 0);
const marks = Number(process.env.MARKS ?? 0);
const seen = new Uint8Array(1 << 24);
let ran = 0;
let distinct = 0;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function done(job) {
  ran += 1;
  if (++seen[job.number] === 1) distinct += 1;
  if (marks && (ran === 1 || ran % marks === 0)) console.log(JSON.stringify({ mark: ran, seconds: performance.now() / 1000 }));
}

function numbers() {
  const bits = Buffer.alloc((seen.findLastIndex((times) => times > 0) >> 3) + 1);
  for (let number = 0; number < bits.length * 8; ++number) if (seen[number]) bits[number >> 3] |= 1 << (number & 7);
  return bits.toString("base64");
}

// The wall clock in microseconds: that of the machine, as the producer reads it.
function microseconds() {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

// When jobs were started. Written a moment later and several at once, so that this costs the peer little.
class Stamps {
  static async open() {
    const stamps = new Stamps();
    stamps.noted = [];
    stamps.writing = Promise.resolve();
    stamps.client = new pg.Client({ connectionString });
    await stamps.client.connect();
    return stamps;
  }

  note(id) {
    if (this.noted.push([id, microseconds()]) === 1) setTimeout(() => (this.writing = this.writing.then(() => this.write())), 5);
  }

  async write() {
    const noted = this.noted.splice(0);
    await this.client.query("INSERT INTO bench.stamps (id, started_at) SELECT * FROM unnest($1::text[], $2::bigint[])",
      [noted.map(([id]) => id), noted.map(([, at]) => at)]);
  }

  async close() {
    await this.writing;
    await this.write();
    await this.client.end();
  }
}
const stamps = process.env.STAMPS ? await Stamps.open() : undefined;

// Nothing to wait for unless the job asks for it.
function handle(id, payload) {
  stamps?.note(id);
  if (payload.sleepMs) return sleep(payload.sleepMs).then(() => done(payload));
  done(payload);
}

// A line a job on the console is not what is measured.
const logger = new Logger(() => (level, message) => {
  if (level === "error") console.error(message);
});
const settings = {
  "graphile": {},
  "graphile-10": { concurrentJobs: 10, maxPoolSize: 12 },
  "graphile-tuned": {
    concurrentJobs: slots || 24, maxPoolSize: Math.min(slots || 24, 24) + 1, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0,
  },
};

async function graphile(worker) {
  const runner = await run({
    connectionString, noHandleSignals: true, logger, taskList: { noop: async (payload, { job }) => handle(job.id, payload) }, preset: { worker },
  });
  return () => runner.stop();
}

async function makeBoss() {
  const boss = new PgBoss({ connectionString, max: 6, useListenNotify: true });
  boss.on("error", (error) => console.error(error.message));
  await boss.start();
  await boss.createQueue("noop", { notify: true });
  return boss;
}

// `slots` handlers at once, of all batches together, so that others are fetched and completed meanwhile.
const waiting = [];
let free = slots;

async function handleInSlot(job) {
  if (free > 0) free -= 1;
  else await new Promise((resolve) => waiting.push(resolve));
  await handle(job.id, job.data);
  if (waiting.length > 0) waiting.shift()();
  else free += 1;
}

async function handleBatch(jobs) {
  if (slots) await Promise.all(jobs.map(handleInSlot));
  else for (const job of jobs) handle(job.id, job.data);
}

async function pgBoss(options) {
  const boss = await makeBoss();
  await boss.work("noop", options, handleBatch);
  return () => boss.stop({ graceful: true });
}

// There is no setting for it; whoever fetches by himself may delete instead of completing.
async function pgBossDeletes() {
  const boss = await makeBoss();
  let stopping = false;
  const fetching = Array.from({ length: 3 }, async () => {
    while (!stopping) {
      const jobs = await boss.fetch("noop", { batchSize: 1000 });
      if (jobs.length === 0) {
        await sleep(500);
        continue;
      }
      await handleBatch(jobs);
      await boss.deleteJob("noop", jobs.map((job) => job.id));
    }
  });
  return async () => {
    stopping = true;
    await Promise.all(fetching);
    await boss.stop({ graceful: true });
  };
}

async function prepare() {
  await (await graphile({}))();
  await (await makeBoss()).stop({ graceful: true });
}

if (mode === "prepare") {
  await prepare();
  process.exit(0);
}
const ways = {
  "pg-boss": () => pgBoss({
    batchSize: 1000, localConcurrency: 3, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5, burstWhenBatchFull: true,
  }),
  "pg-boss-deletes": pgBossDeletes,
  "pg-boss-one": () => pgBoss({}),
};
const stop = await (ways[mode] ?? (() => graphile(settings[mode])))();
process.on("SIGTERM", async () => {
  await stop();
  await stamps?.close();
  console.log(JSON.stringify(process.env.NUMBERS ? { ran, distinct, numbers: numbers() } : { ran, distinct }));
  process.exit(0);
});
console.log("serving");

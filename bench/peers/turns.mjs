// Agent turns on graphile-worker: the same rows read and written as by oiabd's direct runtime, in two transactions around the
// model call, but without durable steps, which it does not have: a turn whose process dies asks the model again.
//
// usage: DATABASE_URL=… PROVIDER=http://127.0.0.1:PORT IN_FLIGHT=1000 node turns.mjs     (runs until SIGTERM)
import { createHash } from "node:crypto";
import http from "node:http";
import pg from "pg";
import { run } from "graphile-worker";

const inFlight = Number(process.env.IN_FLIGHT ?? 1000);
const provider = new URL(process.env.PROVIDER);
// As many sessions as oiabd uses beside this work: more only queue up inside the server on two cores.
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
const agent = new http.Agent({ keepAlive: true, maxSockets: inFlight });

function complete(messages) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ model: "bench-1", messages, stream: true, stream_options: { include_usage: true } });
    const request = http.request(
      { agent, host: provider.hostname, port: provider.port, path: "/v1/chat/completions", method: "POST",
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece) => (text += piece));
        response.on("error", reject);
        response.on("end", () => {
          let content = "", usage;
          for (const line of text.split("\n")) {
            if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
            const chunk = JSON.parse(line.slice(6));
            content += chunk.choices[0]?.delta?.content ?? "";
            usage = chunk.usage ?? usage;
          }
          resolve({ content, usage });
        });
      });
    request.on("error", reject);
    request.end(body);
  });
}

async function transact(body) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const answer = await body((name, text, values) => client.query({ name, text, values }));
    await client.query("COMMIT");
    return answer;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const appendMessage = `INSERT INTO session_messages (session_id, seq, role, content, job_id, step)
  SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5 FROM session_messages WHERE session_id = $1`;
const appendAudit = `INSERT INTO audit_log (entry_key, tenant_id, user_id, actor, action, target, session_id, channel, payload)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (entry_key) WHERE entry_key IS NOT NULL DO NOTHING`;

async function turn(payload, { job }) {
  const id = payload.turnId;
  const { userId, sessionId, text, channel } = payload;
  const scene = await transact(async (query) => {
    const user = (await query("user", `SELECT u.tenant_id, (SELECT jsonb_agg(r.permissions) FROM user_roles ur JOIN roles r ON r.id = ur.role_id
      WHERE ur.user_id = u.id) AS roles FROM users u WHERE u.id = $1 AND status = 'active'`, [userId])).rows[0];
    await query("session", "SELECT * FROM sessions_index WHERE session_id = $1", [sessionId]);
    await query("providers", `SELECT * FROM providers WHERE enabled AND (user_id = $1 OR user_id IS NULL AND tenant_id = $2)`, [userId, user.tenant_id]);
    await query("skills", `SELECT name, description FROM skills WHERE tenant_id = $1 AND status = 'promoted' LIMIT 50`, [user.tenant_id]);
    await query("lock", "UPDATE sessions_index SET last_message_at = now() WHERE session_id = $1", [sessionId]);
    await query("append", appendMessage, [sessionId, "user", text, id, "prompt"]);
    await query("audit", appendAudit, [`${id}:agent.prompt`, user.tenant_id, userId, `user:${userId}`, "agent.prompt", `session:${sessionId}`, sessionId, channel,
      JSON.stringify({ textHash: createHash("sha256").update(text).digest("hex") })]);
    await query("notify", "SELECT pg_notify('oiab_sessions', $1)", [sessionId]);
    const history = (await query("history", "SELECT role, content FROM session_messages WHERE session_id = $1 ORDER BY seq DESC LIMIT 1000", [sessionId])).rows;
    const memories = (await query("recall", `SELECT id, content FROM memories WHERE user_id = $1 ORDER BY created_at DESC LIMIT 8`, [userId])).rows;
    const price = (await query("price", "SELECT * FROM model_prices WHERE model = $1 LIMIT 1", ["bench-1"])).rows[0];
    return { user, history, memories, price };
  });
  const { content, usage } = await complete([{ role: "system", content: scene.memories.map((one) => one.content).join("\n") }, ...scene.history.reverse()]);
  await transact(async (query) => {
    await query("usage", `INSERT INTO usage_events (request_id, tenant_id, user_id, session_id, job_id, provider, model, input_tokens, output_tokens)
      VALUES ($1, $2, $3, $4, $5, 'bench', 'bench-1', $6, $7) ON CONFLICT (request_id) DO NOTHING`,
      [`${id}:model-1`, scene.user.tenant_id, userId, sessionId, id, usage.prompt_tokens, usage.completion_tokens]);
    await query("stream", "INSERT INTO session_stream (session_id, job_id, position, delta) VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING", [sessionId, id, content]);
    await query("lock", "UPDATE sessions_index SET last_message_at = now() WHERE session_id = $1", [sessionId]);
    await query("append", appendMessage, [sessionId, "assistant", content, id, "model-1"]);
    await query("trajectory", "INSERT INTO trajectories (tenant_id, user_id, session_id, job_id, outcome) VALUES ($1, $2, $3, $4, 'success') ON CONFLICT DO NOTHING",
      [scene.user.tenant_id, userId, sessionId, id]);
    await query("audit", appendAudit, [`${id}:agent.complete`, scene.user.tenant_id, userId, `agent:${sessionId}`, "agent.complete", `session:${sessionId}`, sessionId, channel, "{}"]);
    await query("notify", "SELECT pg_notify('oiab_sessions', $1)", [sessionId]);
  });
}

const runner = await run({
  pgPool: pool,
  noHandleSignals: true,
  taskList: { "agent-turn": turn, noop: async () => {} },
  preset: { worker: { concurrentJobs: inFlight, pollInterval: 1000, localQueue: { size: inFlight }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
});
console.log("serving");
process.on("SIGTERM", async () => {
  await runner.stop();
  await pool.end();
  process.exit(0);
});

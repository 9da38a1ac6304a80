// A server of the current revision with a few tools, on loopback. Prints a line for what tests look for.
//   node current.mjs PORT
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { McpServer, createMcpHandler } from "@modelcontextprotocol/server";
import { z } from "zod";

const text = (value) => ({ content: [{ type: "text", text: value }] });
const seen = new Set();
let sent = 0;

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: "current", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.registerTool(
    "add",
    { description: "Adds two numbers", inputSchema: z.object({ a: z.number(), b: z.number() }), annotations: { readOnlyHint: true } },
    async ({ a, b }) => text(String(a + b)),
  );
  server.registerTool(
    "send",
    { description: "Counts each key once", inputSchema: z.object({ to: z.string() }), annotations: { idempotentHint: false } },
    async ({ to }, context) => {
      const key = context.mcpReq._meta?.["io.oiab/idempotency-key"];
      if (!seen.has(key)) sent += 1;
      seen.add(key);
      return text(`sent ${sent} to ${to}, key ${key}`);
    },
  );
  server.registerTool(
    "fail",
    { description: "Fails", inputSchema: z.object({}) },
    async () => ({ ...text("out of paper"), isError: true }),
  );
  server.registerTool(
    "wait",
    { description: "Tells progress, then waits until it is cancelled", inputSchema: z.object({ ms: z.number() }) },
    async ({ ms }, context) => {
      const { signal, notify, _meta } = context.mcpReq;
      signal.addEventListener("abort", () => console.log("cancelled"));
      for (let progress = 1; progress <= 2; ++progress) {
        await notify({ method: "notifications/progress", params: { progressToken: _meta.progressToken, progress } });
      }
      console.log("waiting");
      await new Promise((done) => setTimeout(done, ms));
      return text("waited");
    },
  );
  return server;
});

createServer(toNodeHandler(handler)).listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));

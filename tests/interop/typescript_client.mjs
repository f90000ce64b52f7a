// The TypeScript SDK calls every tool and holds the answers against the published schemas.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
const transport = new StdioClientTransport({ command: process.argv[2], env: { PATH: process.env.PATH, SHORTVOL_SANDBOX: "1", SHORTVOL_STORE: "memory:" } });
const client = new Client({ name: "interop", version: "1" });
await client.connect(transport);
const ajv = new Ajv2020({ strict: false }); addFormats.default(ajv);
const CALLS = { get_short_trades: { symbol: "TSLA" }, get_daily_short_volume: { symbol: "700.HK" }, compare_short_volume: { symbols: ["TSLA", "AAPL"] }, get_short_interest: { symbol: "GME" }, rank_short_selling: { market: "US" }, get_short_volume_by_venue: { symbol: "AAPL" }, screen_short_volume: { count: 5 } };
const { tools } = await client.listTools();
for (const tool of tools) {
  if (!ajv.validate(tool.inputSchema, CALLS[tool.name])) throw new Error(tool.name + " input " + ajv.errorsText());
  const result = await client.callTool({ name: tool.name, arguments: CALLS[tool.name] });
  if (result.isError) throw new Error(tool.name + ": " + result.content[0].text);
  if (!ajv.validate(tool.outputSchema, result.structuredContent)) throw new Error(tool.name + " output " + ajv.errorsText());
  console.log("ok", tool.name);
}
await client.close();

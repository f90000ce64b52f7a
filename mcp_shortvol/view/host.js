// The host side of MCP Apps (specification 2026-01-26): JSON-RPC over postMessage with the frame's parent.
function connect(handlers) {
  const parent = window.parent;
  const waiting = new Map();
  let last = 0;
  const post = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const notify = (method, params) => post({ method, params });
  const request = (method, params) =>
    new Promise((resolve) => {
      last += 1;
      waiting.set(last, resolve);
      post({ id: last, method, params });
    });

  window.addEventListener("message", (event) => {
    const message = event.data;
    if (event.source !== parent || !message || message.jsonrpc !== "2.0") return;
    if (message.method === undefined) {
      const resolve = waiting.get(message.id);
      waiting.delete(message.id);
      if (resolve) resolve(message.result || {});
      return;
    }
    const handler = handlers[message.method];
    if (message.id === undefined) {
      if (handler) handler(message.params || {});
    } else if (handler || message.method === "ping") {
      post({ id: message.id, result: (handler && handler(message.params || {})) || {} });
    } else {
      post({ id: message.id, error: { code: -32601, message: "Method not found" } });
    }
  });

  request("ui/initialize", {
    appInfo: { name: "mcp-shortvol", version: "1" },
    appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    protocolVersion: "2026-01-26",
  }).then((result) => {
    // Some hosts show the frame only after this, so nothing that may fail comes before it.
    notify("ui/notifications/initialized", {});
    handlers["ui/notifications/host-context-changed"](result.hostContext || {});
    const size = new ResizeObserver(() => {
      const box = document.documentElement.getBoundingClientRect();
      notify("ui/notifications/size-changed", { width: Math.ceil(box.width), height: Math.ceil(box.height) });
    });
    size.observe(document.documentElement);
    handlers.closing = () => size.disconnect();
  });
}

// The official host side around one frame: what a chat application does with the view.
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

window.startHost = async ({ html, csp, context, width }) => {
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts"; // an origin of its own, as hosts give it
  frame.style.cssText = `width:${width}px;height:400px;border:0`;
  if (csp) html = html.replace("<meta charset", `<meta http-equiv="Content-Security-Policy" content="${csp}"><meta charset`);
  const log = { initialized: 0, sizes: [] };
  const bridge = new AppBridge(null, { name: "host", version: "1" }, {}, { hostContext: context });
  bridge.oninitialized = () => (log.initialized += 1);
  bridge.onsizechange = (size) => {
    log.sizes.push(size);
    if (size.height) frame.style.height = `${size.height}px`;
  };
  document.body.append(frame);
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.srcdoc = html;
  window.host = { bridge, frame, log };
};

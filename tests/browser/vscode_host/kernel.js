// The part of a kernel connection that a widget manager needs, over a Jupyter server's websocket.

const SILENT = { connect() {}, disconnect() {} };

class Comm {
  onMsg = () => {};
  onClose = () => {};

  constructor(kernel, targetName, commId) {
    Object.assign(this, { kernel, targetName, commId });
  }

  send(data, metadata) {
    return this.kernel.request("comm_msg", { comm_id: this.commId, data }, metadata).future;
  }

  open(data, metadata) {
    const content = { comm_id: this.commId, target_name: this.targetName, data };
    return this.kernel.request("comm_open", content, metadata).future;
  }

  close(data, metadata) {
    return this.kernel.request("comm_close", { comm_id: this.commId, data }, metadata).future;
  }
}

export class Kernel {
  statusChanged = SILENT;
  connectionStatusChanged = SILENT;
  iopubMessage = SILENT;
  unhandledMessage = SILENT;
  status = "idle";
  name = "python3";
  #comms = new Map();
  #targets = new Map();
  #futures = new Map();
  #handled = Promise.resolve();

  static async start(token) {
    const made = await fetch(`/api/kernels?token=${token}`, { method: "POST" });
    const kernel = new Kernel();
    kernel.id = (await made.json()).id;
    kernel.session = crypto.randomUUID();
    const query = `session_id=${kernel.session}&token=${token}`;
    kernel.socket = new WebSocket(`ws://${location.host}/api/kernels/${kernel.id}/channels?${query}`);
    kernel.socket.binaryType = "arraybuffer";
    kernel.socket.onmessage = ({ data }) => {
      const message = typeof data === "string" ? JSON.parse(data) : unpack(data);
      // one after the other, as a comm's first message must find it opened
      kernel.#handled = kernel.#handled.then(() => kernel.#handle(message)).catch(console.error);
    };
    await new Promise((opened) => {
      kernel.socket.onopen = opened;
    });
    return kernel;
  }

  registerCommTarget(name, callback) {
    this.#targets.set(name, callback);
  }

  createComm(targetName, commId = crypto.randomUUID()) {
    const comm = new Comm(this, targetName, commId);
    this.#comms.set(commId, comm);
    return comm;
  }

  /** Run code; resolves to the messages it gave rise to. */
  async execute(code) {
    const { future, done } = this.request("execute_request", { code, stop_on_error: true });
    const messages = [];
    future.onIOPub = (message) => messages.push(message);
    await done;
    return messages;
  }

  request(type, content, metadata = {}) {
    const header = {
      msg_id: crypto.randomUUID(),
      msg_type: type,
      session: this.session,
      username: "",
      version: "5.3",
      date: new Date().toISOString(),
    };
    const message = { channel: "shell", header, parent_header: {}, metadata, content, buffers: [] };
    const future = { msg: message, onIOPub() {}, onReply() {}, onStdin() {} };
    const done = new Promise((resolve) => {
      future.onDone = resolve;
    });
    this.#futures.set(header.msg_id, future);
    this.socket.send(JSON.stringify(message));
    return { future, done };
  }

  async #handle(message) {
    const { content, parent_header: parent, channel } = message;
    const comm = this.#comms.get(content.comm_id);
    const type = message.header.msg_type;
    if (type === "comm_open") {
      const opened = this.createComm(content.target_name, content.comm_id);
      await this.#targets.get(content.target_name)?.(opened, message);
    } else if (type === "comm_msg") await comm?.onMsg(message);
    else if (type === "comm_close") await comm?.onClose(message);
    const future = this.#futures.get(parent?.msg_id);
    if (!future) return;
    if (channel === "shell") future.onReply(message);
    if (channel !== "iopub") return;
    future.onIOPub(message);
    if (type === "status" && content.execution_state === "idle") {
      this.#futures.delete(parent.msg_id);
      future.onDone();
    }
  }
}

/** A message with buffers: their number, where each part begins, the message, the buffers. */
function unpack(data) {
  const view = new DataView(data);
  const starts = [];
  for (let k = 0; k < view.getUint32(0); k += 1) starts.push(view.getUint32(4 * (k + 1)));
  const parts = starts.map((start, k) => new DataView(data, start, (starts[k + 1] ?? data.byteLength) - start));
  const message = JSON.parse(new TextDecoder().decode(parts[0]));
  message.buffers = parts.slice(1);
  return message;
}

// The other process of a channel test: opens side b, does what it is told, reports to its parent.
import { openChannel } from '../../packages/channel/dist/index.js';

const [spec, what] = [JSON.parse(process.argv[2]), process.argv[3]];
const channel = openChannel({
  spec,
  events: { onUp: () => process.send('up'), onDown: (reason) => process.send(`down ${reason}`) },
});
const waiting = [];
const port = channel.attach(1, {
  onMessage(slab, start, end) {
    port.consumed(end - start);
    if (what === 'echo') waiting.push(Buffer.from(slab.subarray(start, end)));
    flush();
  },
  onEnd: (errno) => process.send(`end ${errno}`),
  onWritable: () => flush(),
});

function flush() {
  while (waiting.length > 0 && port.trySend(waiting[0]) === 'sent') waiting.shift();
  // What a turn sends leaves the process at the end of the turn.
  if (what === 'die' && waiting.length === 0 && channel.isUp)
    setImmediate(() => process.kill(process.pid, 'SIGKILL'));
}

if (what === 'die' || what === 'send') for (let i = 0; i < 100; i++) waiting.push(Buffer.alloc(1_000, i));
setImmediate(function untilUp() {
  if (channel.isUp) setImmediate(flush);
  else setImmediate(untilUp);
});
process.on('message', (message) => {
  if (message === 'close') channel.close(0);
});

import fs from 'node:fs';
import type { TraceSink } from '../trace.ts';
import { FlowRecording } from './flow-recording.ts';

/**
 * A capture is text, a line for each PDU that left: seconds, who sent it, its bytes in hex, and `lost` if no copy of
 * it arrived. Lines that start with # are comments.
 */
const LINE = /^(\d+(?:\.\d+)?) ([ab]) ([0-9a-f]*)( lost)?$/;

/** Reads a capture. Throws a SyntaxError that names the line. */
export function readCapture(file: string): FlowRecording {
  const flow = new FlowRecording();
  for (const [n, line] of fs.readFileSync(file, 'utf8').split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const found = LINE.exec(line);
    if (found === null) throw new SyntaxError(`${file}:${n + 1}: not SECONDS a|b HEX [lost]`);
    const [, seconds, from, hex, lost] = found;
    const pdu = new Uint8Array(Buffer.from(hex!, 'hex'));
    flow.sent(Math.round(Number(seconds) * 1e6), from as 'a' | 'b', pdu, lost !== undefined);
  }
  return flow;
}

/** Records the PDUs of a seed for a plot, and as the lines of a capture. */
export class Recorder implements TraceSink {
  readonly flow = new FlowRecording();
  readonly lines: string[] = [];

  sent: TraceSink['sent'] = (world, from, pdu, isLost) => {
    const name = from.name as 'a' | 'b';
    this.flow.sent(world.nowUs, name, pdu, isLost);
    const hex = Buffer.from(pdu).toString('hex');
    this.lines.push(`${(world.nowUs / 1e6).toFixed(6)} ${name} ${hex}${isLost ? ' lost' : ''}`);
  };

  arrived(): void {}
  event(): void {}
  note(): void {}
  line(): void {}
}

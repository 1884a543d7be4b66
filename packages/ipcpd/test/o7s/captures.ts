import { readdirSync, readFileSync } from 'node:fs';

const FIXTURES = new URL('./fixtures/', import.meta.url);

/** One UDP payload as it was seen. */
export interface Datagram {
  readonly atUs: number;
  readonly from: string;
  readonly bytes: Uint8Array;
}

export const CAPTURES = readdirSync(FIXTURES)
  .filter((file) => file.endsWith('.txt'))
  .map((file) => file.slice(0, -'.txt'.length));

/** All datagrams of a capture, in order. */
export function capture(name: string): Datagram[] {
  return readFileSync(new URL(`${name}.txt`, FIXTURES), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [at, from, payload] = line.split(' ') as [string, string, string];
      const [hex, zeros] = payload.split('+') as [string, string | undefined];
      const bytes = new Uint8Array(hex.length / 2 + Number(zeros ?? 0));
      bytes.set(fromHex(hex));
      return { atUs: Math.round(Number(at) * 1_000_000), from, bytes };
    });
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

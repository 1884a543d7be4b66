import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pcapOf, type CapturedDatagram } from './pcap.ts';

const DISSECTOR = path.resolve(import.meta.dirname, '../../../docs/wireshark/flowring.lua');

export const hasTshark = spawnSync('tshark', ['--version']).error === undefined;

/** Fields of a packet by name; one that occurs several times has all its values. */
export type Dissected = Readonly<Record<string, readonly string[]>>;

/** What tshark, with our dissector, sees in datagrams: of each the fields asked for. */
export function dissect(datagrams: readonly CapturedDatagram[], fields: readonly string[]): Dissected[] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-capture-'));
  try {
    const file = path.join(folder, 'capture.pcap');
    fs.writeFileSync(file, pcapOf(datagrams));
    const columns = fields.flatMap((field) => ['-e', field]);
    const args = ['-r', file, '-X', `lua_script:${DISSECTOR}`, '-T', 'json', ...columns];
    // As root tshark loads no script but this, and without a folder of its own it reads nobody's settings.
    const env = { ...process.env, HOME: folder, WIRESHARK_CONFIG_DIR: folder };
    const { stdout, stderr, status } = spawnSync('tshark', args, {
      encoding: 'utf8',
      env,
      maxBuffer: 1 << 28,
    });
    if (status !== 0) throw new Error(stderr);
    // A script that fails to load or to run is a warning to tshark.
    const complaint = /^.*\blua\b.*$/im.exec(`${stderr}\n${stdout}`)?.[0];
    if (complaint !== undefined && !complaint.includes('superuser')) throw new Error(complaint);
    const packets = JSON.parse(stdout) as { _source: { layers: Dissected } }[];
    return packets.map(({ _source }) => _source.layers);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

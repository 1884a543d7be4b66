import type { IrmState } from './irm-state.ts';
import type { Channel } from './registry/channel.ts';
import { commonKind } from './registry/channel.ts';
import type { ProcessEntry } from './registry/process.ts';

/**
 * The channel between two processes, made on first use. `null` when the two have no kind in common. Its files
 * may still be in the making (`token` is empty then).
 */
export function ensureChannel(irm: IrmState, client: ProcessEntry, server: ProcessEntry): Channel | null {
  const existing = client.channels.get(server.id);
  if (existing !== undefined) return existing;
  const kind = commonKind(irm.settings.channelKinds, client.joined.channels, server.joined.channels);
  if (kind === null) return null;
  const id = irm.nextChannelId();
  const channel: Channel = {
    id,
    idB: client === server ? irm.nextChannelId() : id,
    kind,
    path: `${irm.settings.channelDir}/ch-${id}`,
    ringBytes: irm.settings.ringBytes,
    a: client,
    b: server,
    endA: 'unopened',
    endB: 'unopened',
    token: '',
    hasFiles: false,
    abandoned: false,
    waiting: [],
    leases: [],
  };
  client.channels.set(server.id, channel);
  server.channels.set(client.id, channel);
  irm.channels.set(channel.id, channel);
  if (channel.idB !== channel.id) irm.channels.set(channel.idB, channel);
  const foreign = irm.isPrivileged(client.joined.uid) ? server : client;
  irm.effects.push({
    type: 'make-channel',
    channel: id,
    kind,
    path: channel.path,
    ringBytes: channel.ringBytes,
    uid: foreign.joined.uid,
    gid: foreign.joined.gid,
  });
  return channel;
}

export function channelUp(irm: IrmState, process: ProcessEntry, id: number): void {
  const channel = ownChannel(irm, process, id);
  if (channel === null) return;
  if (endIsB(channel, process, id)) {
    if (channel.endB === 'unopened') channel.endB = 'up';
  } else if (channel.endA === 'unopened') channel.endA = 'up';
  if (channel.endA === 'up' && channel.endB === 'up') unlinkFiles(irm, channel);
}

/** One end cannot use the channel any more: the other hears that nothing will come, the next flow gets a new one. */
export function channelDown(irm: IrmState, process: ProcessEntry, id: number): void {
  const channel = ownChannel(irm, process, id);
  if (channel === null) return;
  const endB = endIsB(channel, process, id);
  if (endB) channel.endB = 'down';
  else channel.endA = 'down';
  const otherEnd = endB ? channel.endA : channel.endB;
  if (otherEnd !== 'down') {
    irm.send(endB ? channel.a : channel.b, { t: 'peer-gone', channel: endB ? channel.id : channel.idB });
  }
  removeChannel(irm, channel);
}

/** A process is gone: each process it had a channel with is told so, once. */
export function closeChannelsOf(irm: IrmState, gone: ProcessEntry): void {
  for (const channel of [...gone.channels.values()]) {
    const other = channel.a === gone ? channel.b : channel.a;
    if (other !== gone) irm.send(other, { t: 'peer-gone', channel: channel.id });
    removeChannel(irm, channel);
  }
}

export function removeChannel(irm: IrmState, channel: Channel): void {
  const making = channel.token === '';
  channel.abandoned = true;
  for (const lease of [...channel.leases]) irm.leases.forget(lease);
  if (!making) irm.channels.delete(channel.id);
  irm.channels.delete(making && channel.idB === channel.id ? -1 : channel.idB);
  if (channel.a.channels.get(channel.b.id) === channel) channel.a.channels.delete(channel.b.id);
  if (channel.b.channels.get(channel.a.id) === channel) channel.b.channels.delete(channel.a.id);
  unlinkFiles(irm, channel);
}

function unlinkFiles(irm: IrmState, channel: Channel): void {
  if (!channel.hasFiles) return;
  channel.hasFiles = false;
  irm.effects.push({ type: 'unlink-channel', kind: channel.kind, path: channel.path });
}

function ownChannel(irm: IrmState, process: ProcessEntry, id: number): Channel | null {
  const channel = irm.channels.get(id);
  // One given up while its files were being made stays in the table until they are.
  const exists = channel !== undefined && !channel.abandoned;
  if (exists && (channel.a === process || channel.b === process)) return channel;
  irm.counters.stale += 1;
  return null;
}

function endIsB(channel: Channel, process: ProcessEntry, id: number): boolean {
  return channel.a === channel.b ? id === channel.idB : channel.b === process;
}

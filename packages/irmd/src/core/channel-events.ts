import { removeChannel } from './channels.ts';
import type { IrmState } from './irm-state.ts';
import { proceed } from './matching.ts';
import { refuse } from './requests.ts';

/** The files of a channel are there: the requests that waited for it go on. */
export function channelMade(irm: IrmState, id: number, token: string): void {
  const channel = irm.channels.get(id);
  if (channel === undefined) return;
  channel.token = token;
  channel.hasFiles = true;
  if (channel.abandoned) return removeChannel(irm, channel);
  irm.counters.channelsMade += 1;
  for (const request of channel.waiting.splice(0)) {
    if (request.channel === channel && request.flow.state === 'connecting') proceed(irm, request, channel);
  }
}

export function channelFailed(irm: IrmState, id: number, reason: string): void {
  const channel = irm.channels.get(id);
  if (channel === undefined) return;
  removeChannel(irm, channel);
  irm.channels.delete(id);
  for (const request of channel.waiting.splice(0)) {
    if (request.channel !== channel || request.flow.state !== 'connecting') continue;
    refuse(irm, request, 'FLOWRING_CHANNEL', `the channel's files could not be made: ${reason}`);
  }
}

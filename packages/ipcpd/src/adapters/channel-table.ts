import type { Channel, ChannelStats, OpenChannelOptions } from '@flowring/channel';
import { newChannelStats } from '@flowring/channel';
import type { ChannelId, ChannelSpec } from '@flowring/common';
import { createLogger } from '@flowring/common';

const log = createLogger('ipcpd');

/** Opens one end of a channel; throws a FlowringError when it cannot. */
export type OpenChannel = (options: OpenChannelOptions) => Channel;

export interface ChannelTableEvents {
  onUp(channel: ChannelId): void;
  /** Once per channel, also when it could not be opened. */
  onDown(channel: ChannelId): void;
}

/** The channels between this IPCP and the applications, by the IRMd's channel id. */
export class ChannelTable {
  readonly #open: OpenChannel;
  readonly #events: ChannelTableEvents;
  readonly #channels = new Map<ChannelId, Channel>();
  /** What channels that are down had counted. */
  readonly #past = newChannelStats();

  constructor(open: OpenChannel, events: ChannelTableEvents) {
    this.#open = open;
    this.#events = events;
  }

  /** Opens a channel the IRMd has made; one that we know already is left as it is. */
  open(spec: ChannelSpec): void {
    const { id } = spec;
    if (this.#channels.has(id)) return;
    let down = false;
    const onDown = (reason: string): void => {
      log('channel %d is down: %s', id, reason);
      down = true;
      const channel = this.#channels.get(id);
      if (channel !== undefined) addStats(this.#past, channel.stats);
      this.#channels.delete(id);
      this.#events.onDown(id);
    };
    try {
      const channel = this.#open({
        spec,
        events: { onUp: () => this.#events.onUp(id), onDown },
        copiesAtOnce: true,
      });
      if (!down) this.#channels.set(id, channel);
    } catch (error) {
      log('channel %d could not be opened: %O', id, error);
      if (!down) this.#events.onDown(id);
    }
  }

  get(id: ChannelId): Channel | null {
    return this.#channels.get(id) ?? null;
  }

  peerGone(id: ChannelId): void {
    this.#channels.get(id)?.peerGone();
  }

  /** The sum over all channels that are or were. */
  counters(): Readonly<Record<string, number>> {
    const sum = { ...this.#past };
    for (const channel of this.#channels.values()) addStats(sum, channel.stats);
    return sum;
  }

  closeAll(errno: number): void {
    for (const channel of [...this.#channels.values()]) channel.close(errno);
  }
}

function addStats(sum: ChannelStats, more: Readonly<ChannelStats>): void {
  for (const key of Object.keys(sum) as (keyof ChannelStats)[]) sum[key] += more[key];
}

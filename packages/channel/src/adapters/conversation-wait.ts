import type { ChannelStats } from '../channel.ts';
import type { Awaited } from './busy-wait.ts';
import { processBusyWait } from './busy-wait.ts';
import { Spinner } from './spinner.ts';

/** What sends so much between two chances streams: its receiver has enough to do without being waited for, bytes. */
const STREAM_BYTES = 4_096;

/**
 * Whether and how one channel waits for the next message before it sleeps: only in a conversation, where an answer is
 * likely to come soon. A process of this host answers within a spin; another host within a wait that all channels of
 * the process share.
 */
export class ConversationWait {
  readonly #awaited: Awaited;
  readonly #stats: ChannelStats;
  readonly #isToOtherHost: () => boolean;
  readonly #spinner = new Spinner();
  readonly #busyWait = processBusyWait();
  #isOver = false;
  #bytesSentBefore = 0;
  #sentBefore = 0;
  #receivedBefore = 0;
  readonly #hasNews = () => this.#awaited.hasNews();

  /** In a turn of its own, so that the receivers' promises have run and their answers are sent. */
  readonly #spin = () => {
    if (this.#isOver) return;
    const outcome = this.#spinner.wait(this.#hasNews);
    if (outcome === 'ready') this.#awaited.takeIn();
    else if (outcome === 'again') setImmediate(this.#spin);
    else this.#awaited.rest();
  };

  constructor(awaited: Awaited, stats: ChannelStats, isToOtherHost: () => boolean) {
    this.#awaited = awaited;
    this.#stats = stats;
    this.#isToOtherHost = isToOtherHost;
  }

  /** A turn of the channel ended. False: it is not waited for, and is to sleep. */
  expect(): boolean {
    const wait = this.#busyWait;
    if (this.#converses()) {
      if (wait !== null && (wait.hasCompanions || this.#isToOtherHost()) && this.#expectPatiently())
        return true;
      if (this.#spinner.isWorthwhile()) {
        setImmediate(this.#spin);
        return true;
      }
    }
    return wait?.awaits(this.#awaited) === true;
  }

  slept(): void {
    this.#spinner.slept();
  }

  woke(): void {
    this.#spinner.woke();
  }

  /** The channel is gone. */
  end(): void {
    this.#isOver = true;
    this.#busyWait?.leave(this.#awaited);
  }

  #expectPatiently(): boolean {
    const { bytesSent } = this.#stats;
    const isStream = bytesSent - this.#bytesSentBefore >= STREAM_BYTES;
    this.#bytesSentBefore = bytesSent;
    return !isStream && this.#spinner.isWithinTrial && this.#busyWait!.expect(this.#awaited);
  }

  /** Whether we have sent and received messages since it was last asked. */
  #converses(): boolean {
    const { messagesSent, messagesReceived } = this.#stats;
    const converses = messagesSent !== this.#sentBefore && messagesReceived !== this.#receivedBefore;
    this.#sentBefore = messagesSent;
    this.#receivedBefore = messagesReceived;
    return converses;
  }
}

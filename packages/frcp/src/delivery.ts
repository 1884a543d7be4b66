/** What one acknowledgement newly covers. */
export interface Delivery {
  nowI32: number;
  /** Time of sending of the newest PDU that provoked the acknowledgement; 0: the peer does not tell. */
  echo: number;
  /** Shortest round trip seen before. */
  minUs: number;
  pdus: number;
  /** Of all PDUs, headers included. */
  bytes: number;
  /** Of the PDUs newly covered, the one that left last; known if it is certain which copy arrived. */
  newestKnown: boolean;
  newestSent: number;
  newestIndex: number;
  /** A PDU is among them that was sent again or counted as lost: which copy is answered is not certain. */
  doubtful: boolean;
  /** A PDU sent once came after a later one. */
  late: boolean;
  /** PDUs that counted as lost and whose first copy had arrived. */
  disproved: number;
  /** PDUs of which a later copy arrived. */
  confirmed: number;
}

/** One for all windows: an acknowledgement is taken in whole before the next comes. */
export const news: Delivery = {
  nowI32: 0,
  echo: 0,
  minUs: 0,
  pdus: 0,
  bytes: 0,
  newestKnown: false,
  newestSent: 0,
  newestIndex: 0,
  doubtful: false,
  late: false,
  disproved: 0,
  confirmed: 0,
};

/** Before an acknowledgement is taken in; `minUs`: shortest round trip seen. */
export function beginNews(nowI32: number, echo: number, minUs: number): void {
  news.nowI32 = nowI32;
  news.echo = echo;
  news.minUs = minUs;
  news.pdus = news.bytes = 0;
  news.newestKnown = news.doubtful = news.late = false;
  news.disproved = news.confirmed = 0;
}

export function noteNewest(index: number, sent: number): void {
  if (news.newestKnown && ((sent - news.newestSent) | 0) < 0) return;
  news.newestKnown = true;
  news.newestSent = sent;
  news.newestIndex = index;
}

/**
 * A PDU sent more than once has arrived. An echo from before its last copy left says that an earlier one did
 * (Eifel, RFC 3522); without an echo, an answer sooner than any round trip says so (RFC 8985 6.2 step 2).
 */
//= R-FRCP-49
export function noteResent(index: number, sent: number): void {
  if (news.echo !== 0) {
    if (((news.echo - sent) | 0) < 0) {
      news.disproved++;
      return;
    }
  } else if (((news.nowI32 - sent) | 0) < news.minUs) return;
  news.confirmed++;
  noteNewest(index, sent);
}

/**
 * What a connection has counted since it was made. Read it; the machine writes it. What counts on every flow comes first:
 * one that is idle keeps the counters up to the last that is not 0.
 */
export class FrcpStats {
  sdusWritten = 0;
  /** SDUs that became readable. */
  sdusReceived = 0;
  pdusSent = 0;
  pdusReceived = 0;
  /** Runs we started. */
  runsStarted = 0;
  /** Runs of the peer's. */
  runsOpened = 0;
  /** Of the PDUs sent: bare acknowledgements. */
  acksSent = 0;
  /** Of the PDUs sent: copies of one sent before. */
  retransmits = 0;
  /** Of the PDUs sent: segments of PDUs that a move left too large. */
  segmentsSent = 0;
  /** Of the PDUs received: segments with bytes that were missing. */
  segmentsReceived = 0;
  /** Of the PDUs sent: rendez-vous. */
  probesSent = 0;
  /** Retransmission timeouts. */
  timeouts = 0;
  /** Timeouts that proved wrong: the first copy had arrived. */
  spuriousTimeouts = 0;
  /** PDUs sent so that the peer acknowledges the last ones. */
  tailProbes = 0;
  /** PDUs found lost by later ones that arrived. */
  lossesDetected = 0;
  /** Stretches of loss: each shrinks the congestion window once. */
  lossEpisodes = 0;
  /** Of the losses: the first copy had arrived. */
  spuriousLosses = 0;
  /** Stretches of loss of which none was: the congestion window was given back. */
  congestionUndone = 0;
  /** Data received again. */
  duplicates = 0;
  /** Data that came before an earlier number. */
  outOfOrder = 0;
  /** Data beyond the window edge: dropped. */
  outOfWindow = 0;
  /** Data without a run, or of a run that is over: dropped. */
  noRun = 0;
  /** Unreliable flow: data that came after a later number was delivered. */
  late = 0;
  /** Unreliable flow: SDUs dropped because the reader is slow. */
  noRoom = 0;
  /** SDUs that came after our own close: acknowledged, not kept. */
  discarded = 0;
  /** Not a PDU of this version, or the checksum is wrong. */
  malformed = 0;
  /** Acknowledgements of what was not sent, or older than the newest. */
  badAcks = 0;
}

/** `counter`: only grows while the process lives. `gauge`: goes up and down. */
export type MetricType = 'counter' | 'gauge';

export interface MetricRow {
  readonly type: MetricType;
  readonly help: string;
}

/**
 * Every counter that is shown: by the part that counts, then by the counter's own name, in whose words the unit is
 * (`bytesSent`, `stalledUs`). docs/METRICS.md lists them; tests keep both true to the code.
 */
export const METRICS = {
  irmd: {
    processes: gauge('Registered processes'),
    names: gauge('Names'),
    ipcps: gauge('IPCPs'),
    flows: gauge('Flow endpoints'),
    channels: gauge('Channels between processes'),
    allocations: counter('Allocations asked for, by programs and by layers'),
    allocated: counter('Allocations that succeeded'),
    leasedFlows: counter('Flows that their ends opened on a lease and that lived long enough to be told of'),
    refused: counter('Allocations refused'),
    timedOut: counter('Allocations whose time was over'),
    cancelled: counter('Allocations given up by who asked'),
    deallocated: counter('Flow endpoints deallocated'),
    stale: counter('Messages about objects that are gone: normal when two messages cross'),
    violations: counter('Messages that a correct process does not send'),
    unlistedTransitions: counter('Pairs of state and event that are not in the table'),
    channelsMade: counter('Channels made'),
    programsStarted: counter('Programs started for a request'),
    ipcpRestarts: counter('IPCPs started again'),
  },
  tables: {
    flows: gauge('Flows at the flow allocator'),
    incoming: gauge('Requests of peers that wait for the IRMd'),
    eids: gauge('Endpoint ids in use'),
    resting: gauge('Endpoint ids kept out of use'),
    answers: gauge('Answers remembered for repeated requests'),
    peers: gauge('IPCPs we share a flow or an exchange with'),
    timers: gauge('Deadlines armed'),
  },
  fa: {
    pdusSent: counter('FA PDUs sent: requests, answers, liveness'),
    pdusReceived: counter('FA PDUs received'),
    pdusMalformed: counter('FA PDUs that could not be decoded'),
    pdusStray: counter('FA PDUs for no flow or exchange we know'),
    pdusLate: counter('FA PDUs of a past incarnation of the peer'),
    requestsRepeated: counter('Copies of a request that got their answer again'),
    requestsOverBound: counter('Requests refused because a table was full'),
    peersGone: counter('Flows ended because their peer fell silent or restarted'),
    stalledUs: counter('Time our own loop stood still, as credited to the peers'),
  },
  o7s: {
    framesSent: counter('Management frames sent'),
    framesReceived: counter('Management frames received'),
    framesMalformed: counter('Management frames of no known shape'),
    repliesStray: counter('Replies to nothing that is asked'),
    requestsRepeated: counter('Copies of a request, not answered'),
    requestsOverBound: counter('Requests refused because a table was full'),
    requestsUnknownName: counter('Requests for a name nobody registered here'),
    certificatesUnchecked: counter('Requests and replies with a certificate, taken as anonymous'),
    keepalivesSent: counter('Keepalives sent'),
    packetsFromStrangers: counter("Packets for an endpoint id of ours from another address than its flow's"),
    peersGone: counter('Flows ended because their peer fell silent'),
    stalledUs: counter('Time our own loop stood still, as credited to the peers'),
  },
  udp: {
    dataSent: counter('Data packets sent'),
    dataReceived: counter('Data packets received'),
    controlSent: counter('Control packets sent'),
    controlReceived: counter('Control packets received'),
    malformed: counter('Packets not of this version'),
    corrupt: counter('Packets whose check says that bits were flipped'),
    stray: counter("Data packets for no flow, or from an address that is not the peer's"),
    replayed: counter('Data packets that came before'),
    overrun: counter('Data packets received while the application had no room'),
    tooLarge: counter('Messages of applications larger than the path carries'),
  },
  neighbours: {
    malformed: counter('Control packets that could not be decoded, or whose check was wrong'),
    contactsAnswered: counter('First packets of strangers, answered without keeping anything'),
    stray: counter('Control packets for nobody we know'),
    replayed: counter('Control packets that came before, or from a past of their sender'),
    overBound: counter('PDUs dropped because a table was full'),
    moves: counter('Neighbours that moved to another address'),
    mtuFalls: counter('Packet sizes in use that did not fit any more'),
  },
  o7sUdp: {
    packetsSent: counter('Packets sent'),
    packetsReceived: counter('Packets received'),
    runts: counter('Packets too short for an endpoint id'),
    strays: counter("Packets for no endpoint id of ours, or not from its flow's peer"),
    earlyDropped: counter("Packets before their flow's reply for which there was no room"),
    corrupt: counter('Packets with a wrong checksum'),
    overrun: counter('Packets received while the application had no room'),
    tooLarge: counter('Messages of applications larger than a C peer takes'),
    refused: counter('Datagrams refused by the network or the system'),
  },
  socket: {
    received: counter('Datagrams received'),
    receivedMessages: counter('Messages the kernel gave; one may hold many datagrams'),
    truncated: counter('Received datagrams longer than the buffer, dropped'),
    dropped: counter('Datagrams the kernel dropped because the receive buffer was full'),
    sent: counter('Datagrams given to the kernel'),
    sendCalls: counter('Calls into the kernel that sent them'),
    blocked: counter('Times the kernel had no room'),
    refused: counter('Datagrams the kernel refused'),
  },
  directory: {
    queriesSent: counter('Queries for a name sent, copies counted'),
    queriesReceived: counter('Queries received'),
    answersReceived: counter('Answers to our queries'),
    answersStray: counter('Answers that nobody waits for, or from somebody who was not asked'),
    pdusMalformed: counter('Directory PDUs that could not be decoded'),
    cacheHits: counter('Lookups answered from what was remembered'),
  },
  channel: {
    messagesSent: counter('Messages to applications'),
    messagesReceived: counter('Messages of applications'),
    bytesSent: counter('Bytes of messages to applications'),
    bytesReceived: counter('Bytes of messages of applications'),
    bellsSent: counter('Doorbells rung'),
    bellsReceived: counter("Wake-ups by the application's doorbell"),
    recordsDropped: counter('Records for unknown flows past the bound, or after detach'),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, MetricRow>>>>;

export type MetricGroup = keyof typeof METRICS;

/** Counters of one process, by group. */
export type CounterGroups = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** All counters of a host. */
export interface MetricsReport {
  readonly irmd: Readonly<Record<string, number>>;
  readonly ipcps: readonly {
    readonly ipcp: string;
    readonly layer: string;
    readonly type: string;
    readonly counters: CounterGroups;
  }[];
}

/** What Prometheus calls a counter: `flowring_fa_stalled_seconds_total`. */
export function metricName(group: string, key: string): string {
  const { type } = rowOf(group, key)!;
  const words = `${group}_${key.replace(/Us$/, 'Seconds')}`.replaceAll(
    /[A-Z]/g,
    (one) => `_${one.toLowerCase()}`,
  );
  return `flowring_${words}${type === 'counter' ? '_total' : ''}`;
}

/** The report in the text format of Prometheus, version 0.0.4. Counters that the table does not have are left out. */
export function renderMetrics(report: MetricsReport): string {
  const lines: string[] = [];
  for (const [group, rows] of Object.entries(METRICS)) {
    for (const [key, { type, help }] of Object.entries<MetricRow>(rows)) {
      const samples = group === 'irmd' ? sample('', report.irmd[key]) : samplesOf(report, group, key);
      if (samples.length === 0) continue;
      const name = metricName(group, key);
      const scale = key.endsWith('Us') ? 1e-6 : 1;
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      for (const { labels, value } of samples) lines.push(`${name}${labels} ${value * scale}`);
    }
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Whether the table has a counter. */
export function isMetric(group: string, key: string): boolean {
  return rowOf(group, key) !== undefined;
}

interface Sample {
  readonly labels: string;
  readonly value: number;
}

function samplesOf(report: MetricsReport, group: string, key: string): readonly Sample[] {
  return report.ipcps.flatMap(({ ipcp, layer, type, counters }) =>
    sample(
      `{ipcp="${escape(ipcp)}",layer="${escape(layer)}",type="${escape(type)}"}`,
      Object.hasOwn(counters, group) ? counters[group]![key] : undefined,
    ),
  );
}

function sample(labels: string, value: unknown): readonly Sample[] {
  return typeof value === 'number' && Number.isFinite(value) ? [{ labels, value }] : [];
}

function rowOf(group: string, key: string): MetricRow | undefined {
  if (!Object.hasOwn(METRICS, group)) return undefined;
  const rows: Readonly<Record<string, MetricRow>> = METRICS[group as MetricGroup];
  return Object.hasOwn(rows, key) ? rows[key] : undefined;
}

function escape(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function counter(help: string): MetricRow {
  return { type: 'counter', help };
}

function gauge(help: string): MetricRow {
  return { type: 'gauge', help };
}

import { createHistogram } from 'node:perf_hooks';
import type { Flow, QosCubeName } from '@flowring/libdev';
import { flowAlloc } from '@flowring/libdev';
import type { Counts } from './perf-messages.ts';
import { eachMessage, KIND, messageOf, readCounts, sendWhile } from './perf-messages.ts';

export interface PerfOptions {
  readonly serverName: string;
  readonly test: 'uni' | 'bi' | 'latency';
  /** ms per size. */
  readonly duration: number;
  /** bytes. */
  readonly size: readonly number[];
  /** bit/s. */
  readonly rate?: number;
  readonly qos: QosCubeName;
  readonly layer?: string;
  readonly json?: true;
}

/** Round trips before the clock starts: the code is compiled by then. */
const WARM_UP = 1_000;
const FINISH_TIMEOUT_MS = 10_000;

type Report = Readonly<Record<string, number | string>>;

/** One measurement per size, each on a flow of its own. */
export async function measure(options: PerfOptions): Promise<void> {
  for (const sizeBytes of options.size) {
    await using flow = await flowAlloc(options.serverName, { qos: options.qos, layer: options.layer });
    const report =
      options.test === 'latency'
        ? await latency(flow, sizeBytes, options.duration)
        : await throughput(flow, sizeBytes, options);
    const head = { test: options.test, qos: options.qos, sizeBytes };
    if (options.json === true) console.log(JSON.stringify({ ...head, ...report }));
    else console.log(asLine({ ...head, ...report }));
  }
}

async function latency(flow: Flow, sizeBytes: number, durationMs: number): Promise<Report> {
  const message = messageOf(KIND.echo, sizeBytes);
  const histogram = createHistogram();
  const roundTrip = async (): Promise<void> => {
    await flow.write(message);
    if ((await flow.read()) === null) throw new Error('the server ended the flow');
  };
  for (let i = 0; i < WARM_UP; i++) await roundTrip();
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    const began = process.hrtime.bigint();
    await roundTrip();
    histogram.record(process.hrtime.bigint() - began);
  }
  const us = (ns: number): number => Math.round(ns / 10) / 100;
  return {
    roundTrips: histogram.count,
    minUs: us(histogram.min),
    meanUs: us(histogram.mean),
    p50Us: us(histogram.percentile(50)),
    p90Us: us(histogram.percentile(90)),
    p99Us: us(histogram.percentile(99)),
    maxUs: us(histogram.max),
  };
}

async function throughput(flow: Flow, sizeBytes: number, options: PerfOptions): Promise<Report> {
  let received = 0;
  let settle: (counts: Counts) => void;
  const counts = new Promise<Counts>((resolve) => (settle = resolve));
  const reading = eachMessage(flow, (message) => {
    if (message.readUInt32BE(0) === KIND.counts) settle(readCounts(message));
    else received += 1;
  });
  // Our own `dealloc` ends the reading; the flow's end before that is the server's.
  const ended = reading.then(
    () => Promise.reject(new Error('the server ended the flow')),
    (error: unknown) => Promise.reject(error as Error),
  );
  ended.catch(() => undefined);

  if (options.test === 'bi') await flow.write(messageOf(KIND.startSending, sizeBytes));
  const beganMs = performance.now();
  const isWanted = (): boolean => performance.now() - beganMs < options.duration;
  const sent = await sendWhile(flow, messageOf(KIND.data, sizeBytes), isWanted, options.rate);
  await flow.write(messageOf(KIND.finish, 64), { timeoutMs: FINISH_TIMEOUT_MS });
  const server = await Promise.race([counts, ended]);
  return {
    ...rates(server.messages, sizeBytes, performance.now() - beganMs),
    sent,
    lost: sent - server.messages,
    ...(options.test === 'bi' ? { receivedBack: received } : {}),
  };
}

function rates(messages: number, sizeBytes: number, elapsedMs: number): Report {
  return {
    seconds: Math.round(elapsedMs) / 1_000,
    messages,
    messagesPerSecond: Math.round((messages * 1_000) / elapsedMs),
    megabitsPerSecond: Math.round((messages * sizeBytes * 8) / elapsedMs / 10) / 100,
  };
}

function asLine(report: Report): string {
  return Object.entries(report)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

import type { ErrorCode, QosCubeName } from '@flowring/common';
import { isFlowringError } from '@flowring/common';
import type { Flow } from '../src/index.ts';
import type { TestLayer, TestProcess } from '../src/testing.ts';
import { createTestLayer } from '../src/testing.ts';

/** The code a promise rejects with; `resolved` when it does not; fails on any other error. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'resolved'> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    if (isFlowringError(error)) return error.code;
    throw error;
  }
}

/** Two processes and a flow between them: `a` at the client, `b` at the server. */
export interface Pair {
  readonly layer: TestLayer;
  readonly client: TestProcess;
  readonly server: TestProcess;
  readonly a: Flow;
  readonly b: Flow;
}

export async function pair(qos: QosCubeName = 'raw', layer: TestLayer = createTestLayer()): Promise<Pair> {
  const client = layer.process('client');
  const server = layer.process('server');
  layer.createName('echo');
  const accepting = server.flowAccept.once({ name: 'echo' });
  const a = await client.flowAlloc('echo', { qos });
  return { layer, client, server, a, b: await accepting };
}

/** Polls until `holds`, at most 10 s. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export const text = (message: Buffer | null): string | null => message?.toString() ?? null;

import type {
  ChannelSpec,
  ControlMessage,
  ErrorCode,
  FlowId,
  PathParams,
  ProcessId,
  RequestId,
} from '@flowring/common';
import { errnoOf, FlowringError, LIMITS, TIMES } from '@flowring/common';
import type { RuntimeClock, TimerHandle } from '../clock.ts';

/** A process at the test layer's IRMd. */
export interface TestMember {
  readonly process: ProcessId;
  readonly program: string;
  receive(message: ControlMessage): void;
}

interface PendingAlloc {
  readonly member: TestMember;
  readonly message: ControlMessage<'alloc'>;
  readonly grace: TimerHandle;
  readonly expiry: TimerHandle;
}

interface TestAcceptor {
  readonly member: TestMember;
  readonly message: ControlMessage<'accept'>;
  credit: number;
}

interface TestFlow {
  readonly id: FlowId;
  readonly client: TestMember;
  readonly server: TestMember;
  /** Set while the server decides. */
  undecided: PendingAlloc | undefined;
  readonly channel: number;
  open: ChannelSpec | undefined;
  readonly halves: Set<ProcessId>;
}

/** The one channel of a pair of processes. */
interface TestPair {
  readonly id: number;
  readonly members: readonly [TestMember, TestMember];
}

interface TestLease {
  readonly client: TestMember;
  readonly server: TestMember;
  readonly channel: number;
  readonly name: string;
}

/** Brokers flows between the processes of a test layer, as the IRMd does between real ones. */
export class TestIrmd {
  readonly #clock: RuntimeClock;
  readonly #params: PathParams;
  readonly #members = new Map<ProcessId, TestMember>();
  readonly #names = new Set<string>();
  readonly #acceptors: TestAcceptor[] = [];
  #pending: PendingAlloc[] = [];
  readonly #flows = new Map<FlowId, TestFlow>();
  readonly #pairs = new Map<string, TestPair>();
  #nextFlow = 1;
  #nextLease = 0x4000_0000;
  readonly #leasing: boolean;
  readonly #leases = new Map<FlowId, TestLease>();
  #nextChannel = 1;

  /** `leases`: clients may open flows without it, as with the real one; needs a path that loses nothing. */
  constructor(clock: RuntimeClock, params: PathParams, leases: boolean) {
    this.#leasing = leases;
    this.#clock = clock;
    this.#params = params;
  }

  /** Flow endpoints that exist; 0 when nothing leaked. */
  get flowCount(): number {
    return this.#flows.size;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  get acceptorCount(): number {
    return this.#acceptors.length;
  }

  createName(name: string): void {
    this.#names.add(name);
  }

  join(member: TestMember): void {
    this.#members.set(member.process, member);
  }

  /** The process left or died. */
  leave(process: ProcessId): void {
    if (!this.#members.delete(process)) return;
    for (let i = this.#acceptors.length - 1; i >= 0; i--) {
      if (this.#acceptors[i]!.member.process === process) this.#acceptors.splice(i, 1);
    }
    for (const alloc of this.#pending.filter((one) => one.member.process === process)) this.#forget(alloc);
    for (const flow of [...this.#flows.values()]) {
      if (flow.undecided !== undefined && flow.client.process === process) {
        this.#withdraw(flow, 'FLOWRING_PEER_GONE');
      } else if (flow.undecided !== undefined && flow.server.process === process) {
        this.#refuse(flow, 'FLOWRING_PEER_GONE');
      } else this.#release(flow.id, process);
    }
    for (const [key, pair] of this.#pairs) {
      const other = pair.members.find((one) => one.process !== process);
      if (other === undefined || pair.members.every((one) => one.process !== process)) continue;
      this.#pairs.delete(key);
      other.receive({ t: 'peer-gone', channel: pair.id });
    }
  }

  handle(member: TestMember, message: ControlMessage): void {
    switch (message.t) {
      case 'alloc':
        this.#onAlloc(member, message);
        break;
      case 'cancel':
        this.#onCancel(member, message.req);
        break;
      case 'accept':
        this.#onAccept(member, message);
        break;
      case 'accept-close':
        this.#removeAcceptor(member, message.acceptor);
        break;
      case 'answer':
        this.#onAnswer(member, message);
        break;
      case 'opened':
        this.#onOpened(member, message.flow);
        break;
      case 'dealloc':
        this.#release(message.flow, member.process);
        break;
      case 'channel-down':
        for (const [key, pair] of this.#pairs) if (pair.id === message.channel) this.#pairs.delete(key);
        break;
      default:
    }
  }

  #onAlloc(member: TestMember, message: ControlMessage<'alloc'>): void {
    if (!this.#names.has(message.name)) {
      this.#fail(member, message.req, 'FLOWRING_NAME_UNKNOWN');
      return;
    }
    if (message.layer !== undefined) {
      this.#fail(member, message.req, 'FLOWRING_LAYER_UNKNOWN');
      return;
    }
    const graceMs = Math.min(TIMES.acceptorGraceMs, message.timeoutMs);
    const alloc: PendingAlloc = {
      member,
      message,
      grace: this.#clock.after(graceMs * 1_000, () => {
        const served = this.#acceptors.some((one) => accepts(one, message.name));
        if (!served && graceMs < message.timeoutMs) this.#drop(alloc, 'FLOWRING_NO_ACCEPTOR');
      }),
      expiry: this.#clock.after(message.timeoutMs * 1_000, () => {
        this.#drop(alloc, 'FLOWRING_TIMEOUT');
      }),
    };
    this.#pending.push(alloc);
    this.#match();
  }

  #onAccept(member: TestMember, message: ControlMessage<'accept'>): void {
    if (message.name !== undefined) this.#names.add(message.name);
    const known = this.#acceptors.find(
      (one) => one.member === member && one.message.acceptor === message.acceptor,
    );
    if (known !== undefined) known.credit += message.add;
    else {
      this.#acceptors.push({ member, message, credit: message.add });
      this.#endLeases(message.name);
    }
    this.#match();
  }

  #onCancel(member: TestMember, req: RequestId): void {
    const alloc = this.#pending.find((one) => one.member === member && one.message.req === req);
    if (alloc !== undefined) {
      this.#forget(alloc);
      return;
    }
    for (const flow of this.#flows.values()) {
      if (flow.undecided?.member === member && flow.undecided.message.req === req) {
        this.#withdraw(flow, 'FLOWRING_ABORTED');
      }
    }
  }

  #onAnswer(member: TestMember, message: ControlMessage<'answer'>): void {
    const flow = this.#flows.get(message.flow);
    if (flow?.undecided === undefined || flow.server !== member) return;
    if (message.code !== undefined) this.#refuse(flow, message.code);
    else this.#allocated(flow, flow.undecided, message.data);
  }

  #match(): void {
    for (const alloc of [...this.#pending]) {
      const acceptor = this.#acceptors.find((one) => one.credit > 0 && accepts(one, alloc.message.name));
      if (acceptor === undefined) continue;
      acceptor.credit--;
      this.#pending.splice(this.#pending.indexOf(alloc), 1);
      this.#clock.cancel(alloc.grace);
      this.#offer(alloc, acceptor);
    }
  }

  #offer(alloc: PendingAlloc, acceptor: TestAcceptor): void {
    const { member: server, message } = acceptor;
    const client = alloc.member;
    const { channel, opens } = this.#channel(client, server);
    const id = this.#nextFlow++;
    const halves = new Set([client.process, server.process]);
    const flow: TestFlow = { id, client, server, undecided: alloc, channel, open: opens?.[0], halves };
    this.#flows.set(id, flow);
    const { name, qos, data } = alloc.message;
    const lease = this.#lease(alloc, acceptor, channel);
    server.receive({
      t: 'offer',
      acceptor: message.acceptor,
      flow: id,
      name,
      qos,
      decide: message.decide,
      channel,
      ...(opens && { open: opens[1] }),
      params: this.#params,
      peer: { pid: client.process, uid: 1_000, program: client.program },
      ...lease,
      ...(data && { data }),
    });
    if (!message.decide) this.#allocated(flow, alloc, undefined, lease);
    else if (flow.open !== undefined) this.#openAtClient(flow);
  }

  /** The server holds the channel already, so later flows of the pair come without `open`. */
  #openAtClient(flow: TestFlow): void {
    const key = pairKey(flow.client, flow.server);
    const pair = this.#pairs.get(key);
    if (pair !== undefined) this.#clientOpens.set(pair.id, flow.open!);
  }

  readonly #clientOpens = new Map<number, ChannelSpec>();

  #lease(
    alloc: PendingAlloc,
    acceptor: TestAcceptor,
    channel: number,
  ): { readonly lease: FlowId } | undefined {
    const { member: client, message } = alloc;
    const { member: server } = acceptor;
    if (!this.#leasing || message.lease !== true || acceptor.message.decide || client === server)
      return undefined;
    const others = this.#acceptors.some((one) => one !== acceptor && accepts(one, message.name));
    if (others || acceptor.credit === 0) return undefined;
    for (const [before, lease] of this.#leases)
      if (lease.client === client && lease.channel === channel && lease.name === message.name)
        this.#leases.delete(before);
    const first = this.#nextLease;
    this.#nextLease += LIMITS.leaseFlows;
    this.#leases.set(first, { client, server, channel, name: message.name });
    return { lease: first };
  }

  #endLeases(name: string | undefined): void {
    for (const [first, lease] of this.#leases) {
      if (name === undefined || lease.name === name) lease.client.receive({ t: 'lease-over', lease: first });
    }
  }

  #onOpened(member: TestMember, id: FlowId): void {
    const lease = this.#leases.get(id - (id % LIMITS.leaseFlows));
    const flow = this.#flows.get(id);
    const ends = flow ?? lease;
    if (ends === undefined || (ends.client !== member && ends.server !== member)) return;
    if (flow !== undefined) flow.halves.add(member.process);
    else if (lease !== undefined) {
      const { client, server, channel } = lease;
      const halves = new Set([member.process]);
      this.#flows.set(id, { id, client, server, undecided: undefined, channel, open: undefined, halves });
    }
  }

  #allocated(
    flow: TestFlow,
    alloc: PendingAlloc,
    data: Uint8Array | undefined,
    lease?: { readonly lease: FlowId },
  ): void {
    flow.undecided = undefined;
    this.#clock.cancel(alloc.expiry);
    const open = flow.open ?? this.#clientOpens.get(flow.channel);
    this.#clientOpens.delete(flow.channel);
    alloc.member.receive({
      t: 'allocated',
      req: alloc.message.req,
      flow: flow.id,
      qos: alloc.message.qos,
      channel: flow.channel,
      ...(open && { open }),
      params: this.#params,
      peer: { pid: flow.server.process, uid: 1_000, program: flow.server.program },
      ...lease,
      ...(data && { data }),
    });
  }

  #refuse(flow: TestFlow, code: ErrorCode): void {
    const alloc = flow.undecided!;
    this.#flows.delete(flow.id);
    this.#clock.cancel(alloc.expiry);
    this.#fail(alloc.member, alloc.message.req, code);
  }

  #withdraw(flow: TestFlow, code: ErrorCode): void {
    const alloc = flow.undecided!;
    this.#flows.delete(flow.id);
    this.#clock.cancel(alloc.expiry);
    flow.server.receive({ t: 'offer-withdrawn', flow: flow.id, code });
  }

  #drop(alloc: PendingAlloc, code: ErrorCode): void {
    for (const flow of this.#flows.values()) if (flow.undecided === alloc) this.#withdraw(flow, code);
    this.#forget(alloc);
    this.#fail(alloc.member, alloc.message.req, code);
  }

  #forget(alloc: PendingAlloc): void {
    this.#clock.cancel(alloc.grace);
    this.#clock.cancel(alloc.expiry);
    this.#pending = this.#pending.filter((one) => one !== alloc);
  }

  #fail(member: TestMember, req: RequestId, code: ErrorCode): void {
    member.receive({ t: 'error', req, code });
  }

  #release(id: FlowId, process: ProcessId): void {
    const flow = this.#flows.get(id);
    if (flow === undefined) return;
    flow.halves.delete(process);
    if (flow.halves.size === 0 || (flow.client === flow.server && flow.halves.size === 1)) {
      this.#flows.delete(id);
    }
  }

  #removeAcceptor(member: TestMember, acceptor: number): void {
    const at = this.#acceptors.findIndex((one) => one.member === member && one.message.acceptor === acceptor);
    if (at >= 0) this.#acceptors.splice(at, 1);
  }

  #channel(a: TestMember, b: TestMember): { channel: number; opens?: readonly [ChannelSpec, ChannelSpec] } {
    const key = pairKey(a, b);
    const known = this.#pairs.get(key);
    if (known !== undefined) return { channel: known.id };
    const id = this.#nextChannel++;
    this.#pairs.set(key, { id, members: [a, b] });
    const side = (which: 'a' | 'b'): ChannelSpec => ({
      id,
      kind: 'shm',
      side: which,
      path: `/test/${id}`,
      ringBytes: 0,
      token: '',
    });
    return { channel: id, opens: [side('a'), side('b')] };
  }
}

function pairKey(a: TestMember, b: TestMember): string {
  return a.process < b.process ? `${a.process}-${b.process}` : `${b.process}-${a.process}`;
}

function accepts(acceptor: TestAcceptor, name: string): boolean {
  return acceptor.message.name === undefined || acceptor.message.name === name;
}

/** What a request to the test layer's IRMd for management gets. */
export function managementUnsupported(type: string): FlowringError {
  return new FlowringError('FLOWRING_NOT_SUPPORTED', { message: `a test layer has no ${type}` });
}

export const PEER_GONE_ERRNO = errnoOf('FLOWRING_PEER_GONE');

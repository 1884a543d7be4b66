/** Polls until `predicate` holds; rejects, naming `what`, when the deadline passes first. */
export async function until(predicate, what, { deadlineMs = 20_000, everyMs = 10 } = {}) {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await predicate();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

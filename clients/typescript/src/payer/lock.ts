/**
 * flock(2), which Node does not have: the lock that other programs, whatever their language, take on a journal.
 *
 * It is asked for without waiting, and again a little later. A call that waited would hold one of the few threads
 * that Node does all its file access with, among it that of whoever is to give the lock back.
 */

import { setTimeout as sleep } from "node:timers/promises";

import koffi from "koffi";

const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** How long a lock is waited for, in milliseconds. Whoever has it writes a few lines. */
const WAIT_MS_MAX = 30_000;
const PAUSE_MS_MAX = 20;

let flock: ((fd: number, operation: number) => number) | undefined;

function load() {
  if (process.platform === "win32") throw new Error("journals are locked with flock(2), which Windows lacks");
  // The C library is in the process already; `null` looks there.
  return (flock ??= koffi.load(null).func("int flock(int fd, int operation)"));
}

/**
 * Waits for the lock on an open file.
 *
 * @throws when somebody else keeps it.
 */
export async function lock(fd: number): Promise<void> {
  const call = load();
  const until = performance.now() + WAIT_MS_MAX;
  for (let pause = 1; call(fd, LOCK_EX | LOCK_NB) !== 0; pause = Math.min(2 * pause, PAUSE_MS_MAX)) {
    const code = koffi.errno();
    const { EAGAIN, EINTR } = koffi.os.errno;
    if (code !== EAGAIN && code !== EINTR) throw new Error(`flock failed with errno ${code}`);
    if (performance.now() > until) throw new Error("another process keeps the file locked");
    await sleep(pause * (0.5 + Math.random()));
  }
}

/** Gives the lock back. */
export function unlock(fd: number): void {
  if (load()(fd, LOCK_UN) !== 0) throw new Error(`flock failed with errno ${koffi.errno()}`);
}

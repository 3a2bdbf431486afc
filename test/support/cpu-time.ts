/**
 * Milliseconds of processor time that this process has used. A bound on it holds on a machine that is busy with other things; it is there to
 * tell work that grows with the square of its input from work that does not, never to measure speed (that is `npm run bench`).
 */
export function cpuMillis(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

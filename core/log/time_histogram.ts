/**
 * Counts of several series over time in a fixed number of intervals: when time goes on behind the last one, two and two
 * become one. Memory does not grow with the log.
 */
export class TimeHistogram {
  /** Nanoseconds of an interval. */
  widthNs: number;
  readonly #rows: Float64Array[] = [];

  /** @param intervals a power of two. */
  constructor(readonly intervals: number, widthNs = 1) {
    this.widthNs = widthNs;
  }

  /** The counts of a series. */
  row(series: number): Float64Array {
    while (this.#rows.length <= series) this.#rows.push(new Float64Array(this.intervals));
    return this.#rows[series];
  }
  get series(): number {
    return this.#rows.length;
  }

  add(series: number, timeNs: number): void {
    let interval = Math.floor(timeNs / this.widthNs);
    while (interval >= this.intervals) {
      this.#halve();
      interval = Math.floor(timeNs / this.widthNs);
    }
    const row = series < this.#rows.length ? this.#rows[series] : this.row(series);
    row[interval]++;
  }

  #halve(): void {
    this.widthNs *= 2;
    for (const row of this.#rows) {
      for (let i = 0; i < this.intervals / 2; i++) row[i] = row[2 * i] + row[2 * i + 1];
      row.fill(0, this.intervals / 2);
    }
  }

  /** Intervals up to the last that has a count. */
  get used(): number {
    let used = 0;
    for (const row of this.#rows) {
      for (let i = this.intervals; i > used; i--) {
        if (row[i - 1] !== 0) {
          used = i;
          break;
        }
      }
    }
    return used;
  }
}

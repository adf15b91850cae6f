// `@tgwf/co2` ships no types. What it holds is parsed in zone-average.ts.
declare module '@tgwf/co2/data' {
  export const averageIntensity: unknown;
}
declare module '@tgwf/co2/data/electricity-maps' {
  export const yearly2021: unknown;
  export const yearly2022: unknown;
  export const yearly2023: unknown;
  export const yearly2024: unknown;
  export const yearly2025: unknown;
}

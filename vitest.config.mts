import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: "unit", include: ["test/unit/**/*.test.ts"], environment: "node", testTimeout: 20_000 },
      },
      {
        test: {
          name: "lab",
          include: ["test/lab/**/*.test.ts"],
          globalSetup: ["test/lab/setup.ts"],
          environment: "node",
          testTimeout: 600_000,
          hookTimeout: 900_000,
          // The machines, the cores and the clusters are shared: one file after another.
          fileParallelism: false,
        },
      },
    ],
  },
});

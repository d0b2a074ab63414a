import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests of the programs that run on machines: they need Python, OpenSSL and OpenSSH, as a machine has them. */
const onMachines = [
  "test/unit/bootstrap/**/*.test.ts",
  "test/unit/pki/**/*.test.ts",
  "test/unit/provisioning/**/*.test.ts",
];
const missing = ["python3", "openssl", "ssh-keygen"].filter(
  (program) => spawnSync("/bin/sh", ["-c", `command -v ${program}`]).status !== 0,
);
if (missing.length > 0 && !process.env.CI) {
  console.warn(
    `Not here: ${missing.join(", ")}. The tests of the machines' programs are left out; CI runs them.`,
  );
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          // The examples' library is the one beside them, as its sources are now.
          alias: { "pulumi-hashistack": fileURLToPath(new URL("components/index.ts", import.meta.url)) },
          include: ["test/unit/**/*.test.ts"],
          exclude: missing.length > 0 && !process.env.CI ? onMachines : [],
          environment: "node",
          testTimeout: 60_000,
          // Whole programs are deployed against mocks; a busy host takes its time.
          hookTimeout: 60_000,
          // Much of it waits for the programs that it starts: a core need not be kept free.
          maxWorkers: availableParallelism(),
        },
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

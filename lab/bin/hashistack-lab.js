#!/usr/bin/env node
require("../../dist/lab/machines/main.js");

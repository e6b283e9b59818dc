'use strict';

// grpc-js, and the services of grpc.testing, made from the repository's protos when they are loaded.

const path = require('node:path');
const { createRequire } = require('node:module');

// The packages stand in a folder of their own, where Node would not look for them.
const requireInstalled = createRequire(path.join(__dirname, 'installed', 'package.json'));
const grpc = requireInstalled('@grpc/grpc-js');
const { loadSync } = requireInstalled('@grpc/proto-loader');

const definition = loadSync('grpc/testing/test.proto', {
  includeDirs: [path.join(__dirname, '..', '..', '..', 'proto')],
  keepCase: true,
  defaults: true,
});
const { TestService, UnimplementedService } = grpc.loadPackageDefinition(definition).grpc.testing;

module.exports = { grpc, TestService, UnimplementedService };

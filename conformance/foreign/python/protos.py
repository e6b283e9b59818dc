"""The messages and stubs of grpc.testing, made from the repository's protos when they are imported."""

import sys
from pathlib import Path

import grpc

_PROTO = Path(__file__).resolve().parents[3] / "proto"

# The protos' folder `grpc/testing` becomes a part of the installed package `grpc`: both want the same name.
sys.path.append(str(_PROTO))
grpc.__path__.append(str(_PROTO / "grpc"))

empty = grpc.protos("grpc/testing/empty.proto")
messages = grpc.protos("grpc/testing/messages.proto")
descriptors, services = grpc.protos_and_services("grpc/testing/test.proto")

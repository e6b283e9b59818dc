//! Compiles the protos with protox, so that no `protoc` is needed.

use std::error::Error;

/// Where the workspace keeps its protos, seen from this crate.
const PROTOS: &str = "../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTOS}/grpc");
    let descriptors = protox::compile(["grpc/testing/test.proto"], [PROTOS])?;
    tonic_prost_build::configure()
        // The generated client must not know a transport: the scenarios bring their own.
        .build_transport(false)
        // `Bytes` payloads are slices of what was received: no needless copies of 16 MiB messages.
        .bytes(".")
        .compile_fds(descriptors)?;
    Ok(())
}

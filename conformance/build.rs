//! Compiles the protos with protox, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::Path};

/// Where the workspace keeps its protos, seen from this crate.
const PROTOS: &str = "../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTOS}/grpc");
    let mut compiler = protox::Compiler::new([PROTOS])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_file("grpc/testing/test.proto")?;
    // For the reflection service.
    let encoded = Path::new(&env::var("OUT_DIR")?).join("grpc.testing.descriptors");
    fs::write(encoded, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        // The generated client must not know a transport: the scenarios bring their own.
        .build_transport(false)
        // `Bytes` payloads are slices of what was received: no needless copies of 16 MiB messages.
        .bytes(".")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

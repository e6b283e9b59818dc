//! Compiles the examples' protos with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const ROOT: &str = "../proto";
    println!("cargo::rerun-if-changed={ROOT}/isotonic");
    let files = protox::compile(["isotonic/quickstart/blocks.proto"], [ROOT])?;
    // `bytes` fields as `Bytes`: received payloads are slices of the message and need no copy of their own.
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(files)?;
    Ok(())
}

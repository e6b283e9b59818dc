//! Compiles the proto with protox, so that no protoc is needed, and tells the program which tonic it compares with.

use std::error::Error;
use std::fs;

fn main() -> Result<(), Box<dyn Error>> {
    const ROOT: &str = "../proto";
    const LOCK_FILE: &str = "../Cargo.lock";
    println!("cargo::rerun-if-changed={ROOT}/isotonic/bench");
    println!("cargo::rerun-if-changed={LOCK_FILE}");
    let files = protox::compile(["isotonic/bench/load.proto"], [ROOT])?;
    // `bytes` fields as `Bytes`: received payloads are slices of the message and need no copy of their own.
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(files)?;
    let locked = fs::read_to_string(LOCK_FILE)?;
    let version = locked
        .split_once("name = \"tonic\"\nversion = \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("unknown", |(version, _)| version);
    println!("cargo::rustc-env=TONIC_VERSION={version}");
    Ok(())
}

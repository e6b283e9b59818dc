//! Compiles one proto twice: for tonic, and for ttrpc with its own generator. Neither needs protoc.

use std::error::Error;
use std::path::{Path, PathBuf};

const ROOT: &str = "proto";
const FILE: &str = "proto/block.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let files = protox::compile([FILE], [ROOT])?;
    // `bytes` fields as `Bytes`: received payloads need no copy of their own.
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(files)?;

    let folder = PathBuf::from(std::env::var("OUT_DIR")?).join("ttrpc");
    std::fs::create_dir_all(&folder)?;
    ttrpc_codegen::Codegen::new()
        .out_dir(&folder)
        .input(FILE)
        .include(ROOT)
        .rust_protobuf()
        .customize(ttrpc_codegen::Customize {
            async_all: true,
            ..Default::default()
        })
        .run()?;
    for name in ["block.rs", "block_ttrpc.rs"] {
        without_inner_attributes(&folder.join(name))?;
    }
    Ok(())
}

/// They cannot stand where a file is included, and allow what this package forbids (and what the files do not do).
fn without_inner_attributes(file: &Path) -> std::io::Result<()> {
    let generated = std::fs::read_to_string(file)?;
    let is_inner = |line: &&str| line.starts_with("#![") || line.starts_with("//!");
    let kept: Vec<&str> = generated.lines().filter(|line| !is_inner(line)).collect();
    std::fs::write(file, kept.join("\n"))
}

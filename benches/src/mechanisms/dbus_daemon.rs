//! A dbus-daemon of our own, with its own configuration and socket.

use super::PART;
use crate::Result;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const PROGRAM: &str = "dbus-daemon";

/// It listens on a Unix socket in its folder, and lets everybody of our user do everything.
pub(super) struct Daemon {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Daemon {
    /// Starts one, and waits until it listens.
    pub(super) fn start() -> Result<Self> {
        let version = Command::new(PROGRAM).arg("--version").output();
        version.map_err(|error| format!("no {PROGRAM} can be started: {error}"))?;
        let folder = TempDir::new()?;
        let file = folder.path().join("bus.conf");
        let socket = folder.path().join("bus");
        std::fs::write(&file, configuration(&socket))?;
        let mut child = Command::new(std::env::current_exe()?)
            .args([PART, "dbus-daemon"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for whoever measures.
            .process_group(0)
            .spawn()?;
        let output = child.stdout.take();
        let mut daemon = Self {
            child,
            address: String::new(),
            _folder: folder,
        };
        if let Some(output) = output {
            // It ends without a line if it cannot start.
            BufReader::new(output).read_line(&mut daemon.address)?;
        }
        daemon.address.truncate(daemon.address.trim_end().len());
        if daemon.address.is_empty() {
            let mut reason = String::new();
            if let Some(mut errors) = daemon.child.stderr.take() {
                errors.read_to_string(&mut reason)?;
            }
            return Err(format!("the {PROGRAM} does not start: {}", reason.trim_end()).into());
        }
        Ok(daemon)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Becomes the daemon; the signal that ends it with its parent stays set (prctl(2)).
pub(super) fn become_daemon(configuration: &Path) -> Result<()> {
    let error = Command::new(PROGRAM)
        .arg("--config-file")
        .arg(configuration)
        .args(["--nofork", "--nopidfile", "--print-address"])
        .exec();
    Err(error.into())
}

fn configuration(socket: &Path) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        socket.display()
    )
}

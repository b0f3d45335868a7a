//! Process groups that end with their owner, even where the owner is killed.

use paname_core::Result;

#[cfg(unix)]
pub(crate) use unix::Group;

#[cfg(not(unix))]
pub(crate) use elsewhere::Group;

#[cfg(unix)]
mod unix {
    use std::io::Write as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, ChildStdin, Command, Stdio};
    use std::time::{Duration, Instant};

    use paname_core::Error;

    use super::Result;

    /// What the leader of a group does: it signals its group when told to. When its input ends although nobody told it anything, its owner is
    /// dead, and it ends the group. Group 0 is its own.
    const LEADER: &str = "trap '' TERM INT HUP
while read -r word; do
  case $word in
    term) kill -s TERM 0 ;;
    kill) kill -s KILL 0 ;;
  esac
done
kill -s TERM 0
sleep 2
kill -s KILL 0";

    /// How long the leader may take to do as it was told.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// A process group, whose leader is a small shell that waits. As long as the leader has not been waited for, the number of the group is
    /// that of no other, so that no stranger is signalled. Dropping the group kills every process in it.
    pub(crate) struct Group {
        leader: Child,
        orders: Option<ChildStdin>,
    }

    impl Group {
        /// A group with nobody in it but its leader.
        pub(crate) fn start() -> Result<Self> {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(LEADER).current_dir("/").env_clear().process_group(0);
            if let Some(path) = std::env::var_os("PATH") {
                command.env("PATH", path);
            }
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut leader = command.spawn().map_err(|e| {
                Error::Other(format!("/bin/sh, which looks after programs, cannot be started: {e}"))
            })?;
            let orders = leader.stdin.take();
            Ok(Self { leader, orders })
        }

        /// Has the process that the command starts join the group.
        pub(crate) fn admit(&self, command: &mut Command) {
            // A group number is a process number, which fits.
            command.process_group(self.leader.id().cast_signed());
        }

        /// Asks every process of the group to end.
        pub(crate) fn ask_to_end(&mut self) {
            self.order("term\n");
        }

        /// Kills every process of the group.
        pub(crate) fn kill(&mut self) {
            self.order("kill\n");
            self.orders = None;
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until {
                if !matches!(self.leader.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            // The leader was stopped or is gone; nothing more can be done about its group.
            let _ = self.leader.kill();
            let _ = self.leader.wait();
        }

        fn order(&mut self, word: &str) {
            if let Some(orders) = &mut self.orders {
                // A leader that does not listen is dead, and waiting for it says so.
                let _ = orders.write_all(word.as_bytes());
            }
        }
    }

    impl Drop for Group {
        fn drop(&mut self) {
            if self.orders.is_some() {
                self.kill();
            }
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::process::Command;

    use paname_core::Error;

    use super::Result;

    /// Process groups are those of Unix.
    pub(crate) enum Group {}

    impl Group {
        pub(crate) fn start() -> Result<Self> {
            Err(Error::Unsupported("programs as attacks and models need a Unix system".into()))
        }

        pub(crate) fn admit(&self, _command: &mut Command) {
            match *self {}
        }

        pub(crate) fn ask_to_end(&mut self) {
            match *self {}
        }

        pub(crate) fn kill(&mut self) {
            match *self {}
        }
    }
}

//! Running programs of an environment in a root directory of their own, such as the files of a container image.
//!
//! As on Lambda the root is read-only but for `/tmp`, which all its processes share, and has the platform's
//! `/etc/hosts` and `/etc/resolv.conf`. Each process sees all of it in a mount namespace of its own, so nothing has to
//! be undone and nothing in the directory changes.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::lambda::Program;

/// What [`Lambda::rootfs`](crate::Lambda::rootfs) and its siblings say.
#[derive(Clone, Debug)]
pub(crate) struct Rootfs {
    pub dir: PathBuf,
    pub emulator: Option<PathBuf>,
    pub nameserver: Option<IpAddr>,
}

/// The names that every environment resolves.
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 sandbox.localdomain sandbox\n";

/// Makes the root of variables `root`, `scratch`, `emulator`: a layer above the directory takes the places to mount on,
/// which an empty directory lacks. A shell is who can do it before the program begins.
const MOUNT: &str = r#"set -e
path=$PATH PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs tmpfs "$scratch/over"
cd "$scratch/over"
mkdir above work root
mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/over/above,workdir=$scratch/over/work" root
mkdir -p root/proc root/dev root/etc root/tmp root/var/task
rm -f root/etc/hosts root/etc/resolv.conf
cp "$scratch/etc/hosts" "$scratch/etc/resolv.conf" root/etc
if [ "$emulator" ]; then cp "$emulator" root/.emulator; fi
mount -o remount,ro root
mount --rbind /proc root/proc
mount --rbind /dev root/dev
mount --bind "$scratch/tmp" root/tmp
enter=$(command -v unshare)
PATH=$path
set +e
"#;

/// The last words of a shell that has run [`MOUNT`]: it becomes the program `$0`. A user's root need not have its `cd`.
pub(crate) const ENTER: &str = r#""$enter" --root="$scratch/over/root" --wd=/var/task "#;

/// What lies in the `/opt/extensions` of a root: Lambda starts each file there.
pub(crate) fn extensions(dir: &Path) -> Vec<Program> {
    let entries = fs::read_dir(dir.join("opt/extensions")).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.filter(|entry| entry.path().is_file()).map(|entry| entry.file_name()).collect();
    names.sort();
    let program = |name| Program { path: Path::new("/opt/extensions").join(name), args: Vec::new() };
    names.into_iter().map(program).collect()
}

/// The root of one environment, and what lies beside it: `/tmp` and what tells names. Removed on drop.
pub(crate) struct Root {
    of: Rootfs,
    scratch: PathBuf,
}

impl Root {
    /// Looks whether it can be, and makes the files beside it.
    pub fn new(of: &Rootfs) -> io::Result<Root> {
        if !rustix::process::geteuid().is_root() {
            let message = "only root can run programs in a root directory: try sudo";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        let dir = fs::canonicalize(&of.dir)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", of.dir.display())))?;
        // They would end the path in the options of the mount.
        if dir.to_string_lossy().contains([':', ',', '\\']) {
            return Err(io::Error::other(format!("{}: no root may have : , \\ in its path", dir.display())));
        }
        let scratch = std::env::temp_dir().join(format!("otelcol-lambda-{:016x}", clock::random()));
        for folder in ["over", "tmp", "etc"] {
            fs::create_dir_all(scratch.join(folder))?;
        }
        let root = Root { of: Rootfs { dir, ..of.clone() }, scratch };
        fs::write(root.scratch.join("etc/hosts"), HOSTS)?;
        let resolver = match of.nameserver {
            Some(address) => format!("nameserver {address}\n"),
            None => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
        };
        fs::write(root.scratch.join("etc/resolv.conf"), resolver)?;
        Ok(root)
    }

    /// The start of a shell script that makes the root.
    pub fn mount(&self) -> String {
        let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
        let emulator = self.of.emulator.as_deref().unwrap_or(Path::new(""));
        format!(
            "root={} scratch={} emulator={}\n{MOUNT}",
            quoted(&self.of.dir),
            quoted(&self.scratch),
            quoted(emulator)
        )
    }

    /// The program with its arguments as the kernel is to run it inside.
    pub fn inside(&self, program: &Program) -> Vec<String> {
        let path = program.path.display().to_string();
        let emulated = self.of.emulator.is_some().then(|| ["/.emulator".into(), "-0".into(), path.clone()]);
        emulated.into_iter().flatten().chain([path]).chain(program.args.iter().cloned()).collect()
    }

    /// Fails like the kernel would if there is no such program.
    pub fn find(&self, program: &Program) -> io::Result<()> {
        // A name alone is looked for in PATH.
        match program.path.strip_prefix("/") {
            // No `metadata`: a link leads to somewhere inside.
            Ok(path) => fs::symlink_metadata(self.of.dir.join(path)).map(drop),
            Err(_) => Ok(()),
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

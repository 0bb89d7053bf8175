//! Who the new data belongs to: etcd has to be able to use it.

use std::{
    fs::{File, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use etcd_backup_snapshot::directory::{Directory, Failed};
use rustix::fs::{Gid, Uid, fchown};

use super::{
    error::AgentError,
    files::SHARED,
    target::{MEMBER, Target},
};

/// How the new data is given to whoever runs etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Giving {
    /// To this user and group, which is whose the old data is.
    To(u32, u32),
    /// To the group of the volume, with the rights that the kubelet gives it.
    ToGroup,
    /// As it is.
    Not,
}

impl Giving {
    /// What is right for a target, seen by user `own`.
    pub(super) fn of(target: &Target, own: u32) -> Result<Self, AgentError> {
        let directory = target.directory.metadata()?;
        let member = target.directory.look(MEMBER)?;
        let owner = member.as_ref().unwrap_or(&directory);
        if own == 0 {
            return Ok(Self::To(owner.uid(), owner.gid()));
        }
        if directory.mode() & SHARED == SHARED {
            return Ok(Self::ToGroup);
        }
        match member {
            // An etcd that runs as root reads everybody's files.
            Some(member) if ![own, 0].contains(&member.uid()) => Err(AgentError::OwnerDiffers {
                owner: member.uid(),
                own,
            }),
            _ => Ok(Self::Not),
        }
    }

    /// Gives a tree away, and brings it to the disk, what is inside first.
    pub(super) fn give(self, tree: &Directory) -> Result<(), Failed> {
        tree.visit(&|file, path| {
            self.give_one(file, path)?;
            file.sync_all().map_err(Failed::at("sync", path))
        })
    }

    fn give_one(self, file: &File, path: &Path) -> Result<(), Failed> {
        let found = file.metadata().map_err(Failed::at("look at", path))?;
        match self {
            Self::To(user, group) if (found.uid(), found.gid()) != (user, group) => {
                let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
                fchown(file, Some(user), Some(group)).map_err(Failed::at("change the owner of", path))
            }
            Self::ToGroup => {
                let rights = if found.is_dir() { SHARED } else { 0o060 };
                let mode = Permissions::from_mode(found.mode() & 0o7777 | rights);
                file.set_permissions(mode)
                    .map_err(Failed::at("change the mode of", path))
            }
            Self::To(..) | Self::Not => Ok(()),
        }
    }
}

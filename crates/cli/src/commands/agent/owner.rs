//! Who the new data belongs to: etcd has to be able to use it.

use std::{
    fs::{self, Metadata, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
};

use super::{
    error::AgentError,
    files::{SHARED, is_absent, sync},
    target::Target,
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
        let directory = look(&target.data_dir)?;
        let member = match fs::symlink_metadata(&target.member) {
            Ok(found) => Some(found),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(AgentError::file("look at", &target.member)(error)),
        };
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
    pub(super) fn give(self, path: &Path) -> Result<(), AgentError> {
        let found = look(path)?;
        if found.is_dir() {
            for entry in fs::read_dir(path).map_err(AgentError::file("read", path))? {
                self.give(&entry.map_err(AgentError::file("read", path))?.path())?;
            }
        }
        match self {
            Self::To(user, group) if (found.uid(), found.gid()) != (user, group) => {
                chown(path, Some(user), Some(group))
                    .map_err(AgentError::file("change the owner of", path))?;
            }
            Self::ToGroup => {
                let rights = if found.is_dir() { SHARED } else { 0o060 };
                let mode = Permissions::from_mode(found.mode() & 0o7777 | rights);
                fs::set_permissions(path, mode).map_err(AgentError::file("change the mode of", path))?;
            }
            Self::To(..) | Self::Not => {}
        }
        sync(path)
    }
}

fn look(path: &Path) -> Result<Metadata, AgentError> {
    fs::symlink_metadata(path).map_err(AgentError::file("look at", path))
}

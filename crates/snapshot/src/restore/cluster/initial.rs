//! The form in which etcd is told of its first members.

use std::collections::BTreeMap;

use super::error::ClusterError;
use super::url::PeerUrl;

/// Members by name, each with its peer URLs in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InitialCluster {
    members: BTreeMap<String, Vec<PeerUrl>>,
}

impl InitialCluster {
    /// Reads etcd's `--initial-cluster` (`NewURLsMap`): `NAME=URL` for each member, separated by commas; a name that comes
    /// again has several URLs. Empty parts do not count.
    ///
    /// # Errors
    ///
    /// [`ClusterError`]: what etcd refuses, and a URL that two members share.
    pub fn parse(text: &str) -> Result<Self, ClusterError> {
        let mut cluster = Self::default();
        for (index, part) in text.split(',').enumerate() {
            if part.trim().is_empty() {
                continue;
            }
            let not_both = ClusterError::NotNameAndUrl {
                part: index.saturating_add(1),
            };
            let (name, url) = part.split_once('=').ok_or(not_both.clone())?;
            if name.trim().is_empty() {
                return Err(not_both);
            }
            cluster.add(name.trim(), url)?;
        }
        cluster.check()?;
        Ok(cluster)
    }

    /// Likewise from names and URLs.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn new<'a, U>(members: impl IntoIterator<Item = (&'a str, U)>) -> Result<Self, ClusterError>
    where
        U: IntoIterator<Item = &'a str>,
    {
        let mut cluster = Self::default();
        for (index, (name, urls)) in members.into_iter().enumerate() {
            let mut urls = urls.into_iter().peekable();
            if name.is_empty() || urls.peek().is_none() {
                return Err(ClusterError::NotNameAndUrl {
                    part: index.saturating_add(1),
                });
            }
            for url in urls {
                cluster.add(name, url)?;
            }
        }
        cluster.check()?;
        Ok(cluster)
    }

    fn add(&mut self, name: &str, url: &str) -> Result<(), ClusterError> {
        let url = PeerUrl::parse(url).map_err(|flaw| ClusterError::Url {
            name: name.to_owned(),
            flaw,
        })?;
        let urls = self.members.entry(name.to_owned()).or_default();
        urls.push(url);
        urls.sort();
        Ok(())
    }

    /// Somebody is in it, and no URL is there twice.
    fn check(&self) -> Result<(), ClusterError> {
        if self.members.is_empty() {
            return Err(ClusterError::Empty);
        }
        let mut seen: BTreeMap<&PeerUrl, &str> = BTreeMap::new();
        for (name, urls) in &self.members {
            for url in urls {
                if let Some(first) = seen.insert(url, name) {
                    return Err(ClusterError::DuplicateUrl {
                        first: first.to_owned(),
                        second: name.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Names with their URLs, in order of the names.
    pub fn members(&self) -> impl Iterator<Item = (&str, &[PeerUrl])> {
        self.members
            .iter()
            .map(|(name, urls)| (name.as_str(), urls.as_slice()))
    }

    /// The URLs of one.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NoSuchMember`].
    pub fn urls(&self, name: &str) -> Result<&[PeerUrl], ClusterError> {
        self.members
            .get(name)
            .map(Vec::as_slice)
            .ok_or_else(|| ClusterError::NoSuchMember {
                name: name.to_owned(),
                members: self
                    .members
                    .keys()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// Checks what `VerifyBootstrap` does of the member to be restored: that it is part of the cluster, and that the URLs it
    /// will advertise (if any are given) are those the cluster has. Names are not looked up, as etcd does: they must be
    /// written the same way.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NoSuchMember`], [`ClusterError::AdvertisedDiffers`], and what is wrong with a URL.
    pub fn check_advertised(&self, name: &str, advertised: &[&str]) -> Result<(), ClusterError> {
        let urls = self.urls(name)?;
        if advertised.is_empty() {
            return Ok(());
        }
        let parse = |url: &&str| {
            PeerUrl::parse(url).map_err(|flaw| ClusterError::Url {
                name: name.to_owned(),
                flaw,
            })
        };
        let mut given = advertised.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        given.sort();
        if given == urls {
            Ok(())
        } else {
            Err(ClusterError::AdvertisedDiffers {
                name: name.to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, Vec<String>)> {
        let cluster = InitialCluster::parse(text).unwrap();
        let urls = |urls: &[PeerUrl]| urls.iter().map(|url| url.as_str().to_owned()).collect();
        cluster
            .members()
            .map(|(name, of)| (name.to_owned(), urls(of)))
            .collect()
    }

    #[test]
    fn a_name_may_come_again_and_its_urls_are_sorted() {
        let expected = vec![
            (
                "a".to_owned(),
                vec!["http://x:1".to_owned(), "http://y:1".to_owned()],
            ),
            ("b".to_owned(), vec!["https://z:1".to_owned()]),
        ];
        assert_eq!(names("a=http://y:1,b=https://z:1,a=http://x:1"), expected);
        assert_eq!(names(",a=http://y:1,, b = https://z:1 ,a=http://x:1,"), expected);
    }

    #[test]
    fn what_is_not_a_cluster_is_refused_with_its_place() {
        let refused = |text| InitialCluster::parse(text).unwrap_err();
        assert_eq!(refused(""), ClusterError::Empty);
        assert_eq!(refused(",,"), ClusterError::Empty);
        assert_eq!(refused("a=http://x:1,b"), ClusterError::NotNameAndUrl { part: 2 });
        assert_eq!(refused("=http://x:1"), ClusterError::NotNameAndUrl { part: 1 });
        assert!(matches!(refused("a="), ClusterError::Url { name, .. } if name == "a"));
        for twice in ["a=http://x:1,b=http://x:1", "a=http://x:1,a=http://x:1"] {
            assert!(
                matches!(refused(twice), ClusterError::DuplicateUrl { .. }),
                "{twice}"
            );
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = InitialCluster::parse("a=http://u:hunter2@x:1").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn who_is_restored_has_to_be_part_of_it_and_advertise_what_it_says() {
        let cluster = InitialCluster::parse("a=http://y:1,a=http://x:1").unwrap();
        assert_eq!(cluster.check_advertised("a", &[]), Ok(()));
        assert_eq!(
            cluster.check_advertised("a", &["http://x:1", "http://y:1"]),
            Ok(())
        );
        for advertised in [&["http://x:1"][..], &["http://x:1", "http://z:1"]] {
            assert!(cluster.check_advertised("a", advertised).is_err());
        }
        let error = cluster.check_advertised("b", &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "member `b` is not in the initial cluster, which has a"
        );
    }
}

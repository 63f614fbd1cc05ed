//! argocd.

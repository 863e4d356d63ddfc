//! Pages and pictures for people (skeleton).

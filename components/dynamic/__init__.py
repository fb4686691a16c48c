"""The process in which our dynamic resource types live. Pulumi.yaml names this folder, so that every engine starts it."""

"""The page of the service: photos to judge, trainings, versions."""

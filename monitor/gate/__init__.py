"""What a build server shows of logs that were read to their end: JUnit, SARIF, annotations."""

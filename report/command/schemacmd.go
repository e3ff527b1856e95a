package command

import (
	"github.com/urfave/cli/v2"

	"keyprof/sampler/profile"
)

func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:        "schema",
		Usage:       "print the JSON Schema of the profile document",
		Description: "EXAMPLES\n  keyprof schema > keyprof.schema.json\n\n" + readExitStatusHelp,
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			_, err := c.App.Writer.Write(profile.Schema())
			return err
		},
	}
}
